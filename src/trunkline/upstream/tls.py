"""TLS settings towards providers: made when first needed and shared by every connection.

Knows certificates and what TLS says of an end, not HTTP.
"""

import asyncio
import ssl


class TlsContexts:
    """One context that verifies and one that does not, each built at its first use.

    Reading the system's certificates takes some twenty milliseconds: too much for an import, nothing for a first
    request. `ca_file` names a PEM file that is trusted besides the system's.
    """

    def __init__(self, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self._contexts: dict[bool, ssl.SSLContext] = {}

    def context(self, verify: bool) -> ssl.SSLContext:
        if verify not in self._contexts:
            self._contexts[verify] = self._build(verify)
        return self._contexts[verify]

    def _build(self, verify: bool) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        return context


def describe_tls_error(error: ssl.SSLError | ssl.CertificateError) -> str:
    """What went wrong, in words that are safe to show: never a byte of what was received."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {error.verify_message}"
    return "the TLS handshake failed"


def has_orderly_end(transport: asyncio.Transport) -> bool:
    """Whether an end of the stream is the peer's own, once the loop has told of one.

    In TLS anybody on the way can end the connection below; the peer says so inside. A loop may tell of both
    alike, as asyncio does, so the TLS object is asked: it knows of an end only if it was told inside.
    """
    inside = transport.get_extra_info("ssl_object")
    if inside is None:
        return True
    try:
        return bool(inside.read(1) == b"")
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
