"""What each operation of the admin API is for, takes and answers. The paths are those of `engine.objects`."""

from collections.abc import Mapping

from msgspec import Struct

from trunkline.engine.admin.usage.query import ADMIN_FILTERS


class Described(Struct, frozen=True):
    """One operation. `body` and `answer` are names of schemas; an answer with a `*` is a list of that.

    `media` are the types of an answer that is no JSON object.
    """

    summary: str
    answer: str = ""
    query: tuple[str, ...] = ()
    body: str = ""
    media: tuple[str, ...] = ()


_PAGE = ("limit", "after")
_USAGE = (*ADMIN_FILTERS, *_PAGE, "order")
_LINES = ("application/jsonl", "text/csv")

DESCRIBED: Mapping[str, Described] = {
    # --- keys ---
    "keys": Described("All keys: those of the configuration first, then the others, the newest first.", "Key*", _PAGE),
    "key_creation": Described("Issue a key. The answer has its text, this once.", "IssuedKey", body="NewKey"),
    "key": Described("One key, by its id or name.", "Key"),
    "key_update": Described("Change a key: what is sent takes the place of what was.", "Key", body="KeyChanges"),
    "key_rotation": Described("Give a key another text, which is told this once.", "IssuedKey", body="Rotation"),
    "key_revocation": Described("Revoke a key: it opens nothing any more, and stays in the list.", "Key"),
    "key_deletion": Described("Delete a key.", "Deleted"),
    # --- limits ---
    "limits": Described("All rate limits and what is used of them, those of the configuration first.", "Limit*"),
    "limit_creation": Described("Make a limit.", "Limit", body="NewLimit"),
    "limit": Described("One limit.", "Limit"),
    "limit_update": Described("Change a limit: what is sent takes the place of what was.", "Limit", body="NewLimit"),
    "limit_deletion": Described("Delete a limit.", "Deleted"),
    "limit_reset": Described("Forget what was used of a limit.", "Limit"),
    # --- budgets ---
    "budgets": Described("All budgets and how they stand, those of the configuration first.", "Budget*"),
    "budget_creation": Described("Make a budget.", "Budget", body="NewBudget"),
    "budget": Described("One budget, by its name.", "Budget"),
    "budget_update": Described(
        "Change a budget: what is sent takes the place of what was.", "Budget", body="NewBudget"
    ),
    "budget_deletion": Described("Delete a budget.", "Deleted"),
    "budget_reset": Described("Begin a budget anew: nothing is spent of it.", "Budget"),
    # --- prompts ---
    "prompts": Described("Prompts, the newest first.", "Prompt*", _PAGE),
    "prompt_creation": Described("Make a prompt, with its first version.", "Prompt", body="NewPrompt"),
    "prompt": Described("One prompt.", "Prompt"),
    "prompt_update": Described("Give a prompt another name or default version.", "Prompt", body="PromptChanges"),
    "prompt_deletion": Described("Delete a prompt with all its versions.", "Deleted"),
    "prompt_versions": Described("All versions of a prompt, the newest first.", "PromptVersion*"),
    "prompt_version_creation": Described("Add a version.", "PromptVersion", body="NewPromptVersion"),
    "prompt_version": Described("One version of a prompt.", "PromptVersion"),
    # --- usage ---
    "usage_list": Described("Requests that asked for a model, the newest first.", "UsageRequest*", _USAGE),
    "usage": Described("One request, with its attempts.", "UsageRequestWithAttempts"),
    "usage_summary": Described(
        "Sums, apart by `group_by`; of the last thirty days unless it says otherwise.",
        "UsageSums",
        (*ADMIN_FILTERS, "group_by"),
    ),
    "usage_export": Described(
        "All requests (or attempts), the oldest first.", query=(*ADMIN_FILTERS, "format", "rows"), media=_LINES
    ),
    "usage_recalculation": Described(
        "Compute what requests cost by today's prices, the oldest first; what a provider told itself stays. Some thousands"
        " at once: while there is more, ask again with `after`.",
        "UsageRecalculation",
        (*ADMIN_FILTERS, "after", "dry_run"),
    ),
    # --- audit ---
    "audit_list": Described("All requests with what the audit knows, the newest first.", "AuditEntry*", _USAGE),
    "audit": Described("All that is known of one request.", "AuditDetail"),
    "audit_export": Described("The whole log, the oldest first.", query=(*ADMIN_FILTERS, "format"), media=_LINES),
    "audit_live": Described(
        "Entries as they come. `Last-Event-ID` (or `after`) takes up where an earlier stream was.",
        query=(*ADMIN_FILTERS, "after"),
        media=("text/event-stream",),
    ),
    "audit_sessions": Described(
        "Sessions, those of the newest requests first; of the last thirty days unless it says otherwise. `after` takes a"
        " `last_request_id`.",
        "AuditSession*",
        ("start", "end", "zone", "path", "limit", "after"),
    ),
    "audit_session": Described(
        "The requests of one session, the oldest first, with what was said where the audit keeps bodies; up to 50.",
        "AuditTurn*",
        ("start", "end", "zone", "path", *_PAGE, "order"),
    ),
    "acts": Described(
        "What administrators have done, the newest first.",
        "Act*",
        ("start", "end", "zone", "path", "kind", "object_id", "key_id", *_PAGE),
    ),
    "acts_check": Described("Read the chain of acts, and see whether anybody has been at it.", "ActsCheck", ("head",)),
    "erasure": Described("Remove all that is kept of a path and of those below it.", "Erasure", body="ErasedPath"),
    # --- the gateway ---
    "admin_models": Described("Every model's name that works for this key, and where it leads.", "Model*"),
    "settings": Described("What was set, and where, without secrets.", "Setting*"),
    "openapi": Described("This description.", "Document"),
}

PARAMETERS: Mapping[str, tuple[str, str]] = {
    "after": ("string", "the id that the last page (or event) ended with"),
    "dry_run": ("boolean", "only say what would change"),
    "end": ("string", "until then: a date, a moment or seconds"),
    "format": ("string", "jsonl or csv"),
    "group_by": (
        "string",
        "day, hour, model, provider, path, key, key_id, label, session, operation, outcome; several with commas",
    ),
    "head": ("string", "an earlier end of the chain, as number:hash"),
    "key": ("string", "of keys with this name"),
    "key_id": ("string", "of one key"),
    "kind": ("string", "as key.create"),
    "label": ("string", "name=value"),
    "limit": ("integer", "how many, 1 to 100"),
    "model": ("string", "with an attempt at this model of a provider"),
    "object_id": ("string", "to this object"),
    "operation": ("string", "as generate or embeddings"),
    "order": ("string", "asc or desc"),
    "outcome": ("string", "ok, incomplete, error or cancelled"),
    "path": ("string", "of a path and of those below it"),
    "provider": ("string", "with an attempt there"),
    "request_id": ("string", "one request"),
    "rows": ("string", "requests or attempts"),
    "session": ("string", "of this session"),
    "start": ("string", "from then on: a date, a moment or seconds"),
    "status": ("integer", "answered so"),
    "zone": ("string", "where days begin, as Europe/Zurich"),
}
"""The type and meaning of each parameter of a query."""
