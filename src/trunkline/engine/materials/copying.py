"""Which files go to a target as copies: those that its provider keeps, and that can be named on the way to it."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.file_api import UPLOAD, FileApi
from trunkline.dialects.forms import Forms
from trunkline.dialects.kept_files import Content
from trunkline.dialects.kinds import allows
from trunkline.engine.materials.copies import Copies, read_type
from trunkline.engine.parts import Parts
from trunkline.engine.router import Target
from trunkline.engine.way import Way
from trunkline.providers.account import Account
from trunkline.state.files import KeptFile
from trunkline.state.store import Store


class Copier(Struct, frozen=True):
    """Copies for requests that go one way: on the wires of `caller` and `upstream`, to an account that has this `api`.

    `titles` says whether a file is told its name beside that of its copy: on the way to another wire, which may have a
    place for it.
    """

    copies: Copies
    store: Store
    account: Account
    api: FileApi
    caller: Forms
    upstream: Forms
    held: Capabilities
    titles: bool

    async def copy(self, file: KeptFile, types: Collection[str], lost: Collection[str]) -> Content | None:
        """A copy that can stand in parts of these types, and is none of those `lost`; `None` where there is none to be
        had."""
        content = await read_type(self.store.blobs, file)
        if not self._has_words(content, types):
            return None
        copy = await self.copies.find(self.store, self.account, self.api, file, lost)
        return None if copy is None else replace(content, name=file.name if self.titles else "", copy=copy)

    def _has_words(self, content: Content, types: Collection[str]) -> bool:
        if content.is_picture:
            taken, is_taken = self.held.image_types or self.upstream.image_types, self.held.images
        else:
            taken, is_taken = self.held.file_types or self.upstream.file_types, self.held.files
        return (
            is_taken
            and ("image" if content.is_picture else "file") in self.caller.ids & self.upstream.ids
            and allows(taken, content.media_type)
            and all(("image" in type_) == content.is_picture for type_ in types)
        )


def find_copier(copies: Copies, parts: Parts, target: Target, caller: Forms, way: Way) -> Copier | None:
    """Who makes copies for a request that goes this way; `None` where its provider keeps none."""
    account = target.account
    upstream = parts.upstreams[way.upstream]
    api = upstream.file_api if UPLOAD in account.provider.operations else None
    if api is None or parts.store is None:
        return None
    is_translated = way.kind == "translate"
    return Copier(copies, parts.store, account, api, caller, upstream.media, target.capabilities, is_translated)
