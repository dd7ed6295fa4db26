"""How values become Temporal payloads: pydantic JSON, encrypted, failures included."""

from dataclasses import replace

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from ml_connector.security.keys import MasterKeys
from ml_connector.security.payload_keys import KeyArchive
from ml_connector.temporal.codec import EncryptionCodec


def data_converter(keys: MasterKeys, archive: KeyArchive | None = None) -> DataConverter:
    """The converter of every client, worker and replayer.

    The failure converter moves message and stack trace into an encoded attribute. The failure's
    type stays readable in the Web UI, so it never holds data.
    """
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(keys, archive),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
