"""What can go wrong between this program and Temporal, each with its remedy.

Fault
├── TransientFault
│   └── TemporalUnavailable      nobody answers at the address
├── CredentialsFault
│   └── TemporalRefused          the server answers and does not let us in
├── RejectedFault
│   ├── TemporalSettingsWrong    a profile, address, certificate or namespace that cannot be
│   ├── SearchAttributesMissing  the namespace lacks attributes the workflows write
│   ├── PortInUse                another program listens where ours should
│   ├── HomeInUse                another embedded server works on the same database file
│   └── UnreadablePayload        no key fits, or the bytes were changed
└── DevServerFailed              the embedded server did not come up, or went away
"""

from ml_connector.http.faults import CredentialsFault, Fault, RejectedFault, TransientFault


class TemporalUnavailable(TransientFault):
    """No Temporal server answers at the address."""


class TemporalRefused(CredentialsFault):
    """The server answers, and refuses our API key or client certificate."""


class TemporalSettingsWrong(RejectedFault):
    """The connection settings cannot work, however often they are tried."""


class SearchAttributesMissing(RejectedFault):
    """The namespace does not know every search attribute the workflows write."""


class PortInUse(RejectedFault):
    """The port is taken by another program."""

    def __init__(self, port: int, purpose: str) -> None:
        super().__init__(
            f"Port {port} on 127.0.0.1, wanted for {purpose}, is in use by another program.",
            remedy="Stop that program or choose another port.",
        )
        self.port = port


class HomeInUse(RejectedFault):
    """An embedded server is already running on this home folder."""


class DevServerFailed(Fault):
    """The embedded Temporal server could not be started, or stopped by itself."""


class UnreadablePayload(RejectedFault):
    """An encrypted payload cannot be opened."""
