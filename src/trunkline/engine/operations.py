"""What answers each operation but `generate`, which is the gateway's own: a table."""

from collections.abc import Awaitable, Callable, Mapping

from trunkline.call import Reply
from trunkline.engine.desk import Desk
from trunkline.engine.exchange import Exchange
from trunkline.engine.resources.audit import (
    check_acts,
    export_audit,
    follow_audit,
    get_audit,
    list_acts,
    list_audit,
)
from trunkline.engine.resources.budgets import BUDGETS
from trunkline.engine.resources.compaction import compact_response
from trunkline.engine.resources.completions import (
    delete_completion,
    get_completion,
    list_completion_messages,
    list_completions,
    update_completion,
)
from trunkline.engine.resources.configured import list_models, list_settings
from trunkline.engine.resources.conversations import (
    add_items,
    create_conversation,
    delete_conversation,
    delete_item,
    get_conversation,
    get_item,
    list_items,
    update_conversation,
)
from trunkline.engine.resources.embeddings import embed
from trunkline.engine.resources.erasure import erase_path
from trunkline.engine.resources.files import delete_file, get_content, get_file, list_files, upload_file
from trunkline.engine.resources.keys import KEYS, list_keys, revoke_key, rotate_key
from trunkline.engine.resources.limits import LIMITS
from trunkline.engine.resources.metrics import show_metrics
from trunkline.engine.resources.models import answer_list, answer_one
from trunkline.engine.resources.openapi import describe
from trunkline.engine.resources.prompts import (
    add_version,
    create_prompt,
    delete_prompt,
    get_prompt,
    get_version,
    list_prompts,
    list_versions,
    update_prompt,
)
from trunkline.engine.resources.responses import (
    cancel_response,
    delete_response,
    get_response,
    list_input_items,
)
from trunkline.engine.resources.sessions import get_session, list_sessions
from trunkline.engine.resources.tokens import count_tokens
from trunkline.engine.resources.usage import (
    export_usage,
    get_usage,
    list_usage,
    recalculate_usage,
    show_own_usage,
    sum_usage,
)

OPERATIONS: Mapping[str, Callable[[Desk, Exchange], Awaitable[Reply]]] = {
    "embeddings": embed,
    "count_tokens": count_tokens,
    "compaction": compact_response,
    "metrics": show_metrics,
    "models": answer_list,
    "model": answer_one,
    "response": get_response,
    "response_deletion": delete_response,
    "response_cancellation": cancel_response,
    "input_items": list_input_items,
    "completions": list_completions,
    "completion": get_completion,
    "completion_update": update_completion,
    "completion_deletion": delete_completion,
    "completion_messages": list_completion_messages,
    "conversation_creation": create_conversation,
    "conversation": get_conversation,
    "conversation_update": update_conversation,
    "conversation_deletion": delete_conversation,
    "conversation_items": list_items,
    "conversation_items_creation": add_items,
    "conversation_item": get_item,
    "conversation_item_deletion": delete_item,
    "files": list_files,
    "file_upload": upload_file,
    "file": get_file,
    "file_deletion": delete_file,
    "file_content": get_content,
    "budgets": BUDGETS.all,
    "budget_creation": BUDGETS.create,
    "budget": BUDGETS.find,
    "budget_update": BUDGETS.update,
    "budget_reset": BUDGETS.reset,
    "budget_deletion": BUDGETS.delete,
    "limits": LIMITS.all,
    "limit_creation": LIMITS.create,
    "limit": LIMITS.find,
    "limit_update": LIMITS.update,
    "limit_reset": LIMITS.reset,
    "limit_deletion": LIMITS.delete,
    "keys": list_keys,
    "key_creation": KEYS.create,
    "key": KEYS.find,
    "key_update": KEYS.update,
    "key_deletion": KEYS.delete,
    "key_rotation": rotate_key,
    "key_revocation": revoke_key,
    "prompts": list_prompts,
    "prompt_creation": create_prompt,
    "prompt": get_prompt,
    "prompt_update": update_prompt,
    "prompt_deletion": delete_prompt,
    "prompt_versions": list_versions,
    "prompt_version_creation": add_version,
    "prompt_version": get_version,
    "own_usage": show_own_usage,
    "usage_list": list_usage,
    "usage": get_usage,
    "usage_summary": sum_usage,
    "usage_export": export_usage,
    "usage_recalculation": recalculate_usage,
    "audit_list": list_audit,
    "audit": get_audit,
    "audit_export": export_audit,
    "audit_live": follow_audit,
    "audit_sessions": list_sessions,
    "audit_session": get_session,
    "acts": list_acts,
    "acts_check": check_acts,
    "erasure": erase_path,
    "admin_models": list_models,
    "settings": list_settings,
    "openapi": describe,
}
