"""Where a configuration keeps what it keeps, and what opens it."""

from trunkline.build.dialects import DIALECTS
from trunkline.config.config import AuditConfig, Config
from trunkline.dialects.evidence import Evident
from trunkline.dialects.redaction import Redaction
from trunkline.keyring import Keyring
from trunkline.store.acts import ActKeys
from trunkline.store.ledger.sweep import Lifetimes
from trunkline.store.open import StoreSettings

# Of a stream, events and all, for each byte that is kept of what it says.
HEARD_TIMES = 8


def settle_store(config: Config, keyring: Keyring) -> StoreSettings:
    """Where a configuration keeps what it keeps, and what opens it."""
    return StoreSettings(
        database_url=config.database_url,
        data_dir=config.data_dir,
        blobs_url=config.blobs_url,
        keys=keyring.derive("at-rest"),
        act_keys=ActKeys(keyring.derive("acts"), keyring.newest),
        newest=keyring.newest if config.encrypts else None,
        retention_days=config.retention.days,
        lifetimes=Lifetimes(config.usage.retention_days, config.audit.retention_days),
        ledger_bytes=config.usage.backlog_bytes,
        make_evidence=_make_evident(config.audit).make,
    )


def _make_evident(audit: AuditConfig) -> Evident:
    """The function that redacts and cuts a request's bodies before they are kept."""
    return Evident(Redaction(audit.redact, audit.body_limit_bytes), DIALECTS, audit.headers)
