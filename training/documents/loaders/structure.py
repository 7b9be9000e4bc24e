"""Join blocks that belong together, whatever kind of file they come from."""

from collections.abc import Iterable, Iterator

from model.blocks import Block, parse_list

_MAX_INTRODUCTION = 300


def join_introductions(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks, where a paragraph that ends in a colon becomes the first line of the list or table below."""
    waiting: Block | None = None
    for block in blocks:
        if waiting and _can_begin(waiting, block):
            yield Block(block.kind, f"{' '.join(waiting.text.split())}\n{block.text}")
            waiting = None
            continue
        if waiting:
            yield waiting
        waiting = block
    if waiting:
        yield waiting


def _can_begin(introduction: Block, block: Block) -> bool:
    return (
        introduction.kind == "paragraph"
        and introduction.text.endswith((":", "："))
        and len(introduction.text) <= _MAX_INTRODUCTION
        and (
            (block.kind == "list" and not parse_list(block.text)[0])
            or (block.kind == "table" and block.text.startswith("|"))
        )
    )
