"""How values become Temporal payloads: pydantic JSON, encrypted, failures included."""

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)

from ml_connector.security.keys import MasterKeys
from ml_connector.security.payload_keys import KeyArchive
from ml_connector.temporal.codec import EncryptionCodec

_JSON = PydanticJSONPlainPayloadConverter()
"""Of the whole process: what it has learnt about a message's type is kept in it."""


class SharedPydanticConverter(CompositePayloadConverter):
    """As the SDK's own, but for the readers of our messages.

    Each run of a workflow gets a converter of its own. With the SDK's, it would compile a reader
    for each message anew, which took a tenth of a worker's time.
    """

    def __init__(self) -> None:
        super().__init__(
            *(
                _JSON if isinstance(each, JSONPlainPayloadConverter) else each
                for each in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


def data_converter(keys: MasterKeys, archive: KeyArchive | None = None) -> DataConverter:
    """The converter of every client, worker and replayer.

    The failure converter moves message and stack trace into an encoded attribute. The failure's
    type stays readable in the Web UI, so it never holds data.
    """
    return DataConverter(
        payload_converter_class=SharedPydanticConverter,
        payload_codec=EncryptionCodec(keys, archive),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
