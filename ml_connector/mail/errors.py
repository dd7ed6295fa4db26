"""How handing a mail to the server can fail.

    MailError
    ├── MailNotSent           nothing was taken: no connection, or a refusal for now (4xx)
    ├── MailLoginRefused      the server does not accept our user and password
    ├── MailRefused           the server refused the mail for good (5xx)
    └── MailOutcomeUnknown    the text went out and no answer came: it may have been taken

The texts hold no mail address.
"""

from ml_connector.http.faults import (
    CredentialsFault,
    Fault,
    OutcomeUnknownFault,
    RejectedFault,
    TransientFault,
)


class MailError(Fault):
    """A mail was not handed over, or nobody knows whether it was."""


class MailNotSent(MailError, TransientFault):
    """The server took nothing; the same mail may be tried again."""


class MailLoginRefused(MailError, CredentialsFault):
    """User or password is wrong; nothing was taken."""


class MailRefused(MailError, RejectedFault):
    """The server understood and refused; repeating changes nothing."""


class MailOutcomeUnknown(MailError, OutcomeUnknownFault):
    """The connection broke after the text had begun to go out.

    SMTP has no way to ask what became of it.
    """
