"""What the simulators' server raises, for a command that names it without starting one."""


class PortInUse(Exception):
    """The wanted port already has a listener."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use: choose another, or 0 for any free one")
        self.port = port
