"""Read mail: single messages and mailboxes, with attachments."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import PurePosixPath

from model.blocks import Block, make_fields, make_heading
from model.errors import DocumentError

from ..decoding import decode, remove_unwanted_characters
from ..document import Document
from ..locations import DocumentLocation
from .base import Loader, SourceFile
from .html import read_html
from .plain_text import split_paragraphs

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MESSAGE_START = re.compile(rb"(?:\A|\n)From [^\n]*\n")
_REPLY_START = re.compile(
    r"^(?:On .{5,200} wrote:|Am .{5,200} schrieb.{0,200}:|Le .{5,200} a écrit :|"
    r"-{3,} ?(?:Original Message|Ursprüngliche Nachricht|Forwarded message) ?-{3,}.*)$",
    re.MULTILINE,
)
_QUOTE_MARK = re.compile(r"^(?:> ?)+", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- $", re.MULTILINE)
_MAX_DEPTH = 3

ReadAttachment = Callable[[SourceFile], Iterable[Document]]


class MailLoader(Loader):
    """Reads messages.

    Args:
        read_attachment: Returns the documents of an attachment.
    """

    kind = "mail"
    suffixes = (".eml",)
    reads = (
        "sender, recipients, date and subject; the text; the quoted message apart; attachments of any kind read here"
    )
    packages = ("lxml",)

    def __init__(self, read_attachment: ReadAttachment) -> None:
        self._read_attachment = read_attachment

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the message as one document."""
        yield self.read_message(file, file.content, 0)

    def read_message(self, file: SourceFile, content: bytes, page: int) -> Document:
        """Return a message as a document.

        Args:
            file: The file of the message.
            content: The bytes of the message.
            page: Number of the message in its mailbox; 0 for none.
        """
        message = message_from_bytes(content, policy=policy.default)
        if not isinstance(message, EmailMessage) or not message.keys():
            raise DocumentError("the file contains no message")
        headers = [(name, remove_unwanted_characters(str(message[name]))) for name in _HEADERS if message[name]]
        subject = str(message["Subject"] or "")
        blocks = [make_fields(headers), *self._read_body(message)]
        for attachment in message.iter_attachments():
            blocks += self._read_part(file, attachment)
        tags = tuple(f"{name.lower()}={value}" for name, value in headers if name in {"From", "To"})
        return file.make_document(blocks, title=subject, page=page, tags=tags)

    def _read_body(self, message: EmailMessage) -> Iterator[Block]:
        body = message.get_body(("plain", "html"))
        if body is None:
            return
        payload = body.get_payload(decode=True)
        text = remove_unwanted_characters(
            _decode_body(payload if isinstance(payload, bytes) else b"", body.get_content_charset("utf-8"))
        )
        if body.get_content_type() == "text/html":
            yield from read_html(text, self.import_package)[1]
            return
        own, quoted = split_reply(text)
        yield from split_paragraphs(own)
        if quoted:
            yield Block("note", quoted)

    def _read_part(self, file: SourceFile, part: EmailMessage) -> Iterator[Block]:
        """Yield the name of an attachment as a heading, and the blocks of its documents."""
        name = PurePosixPath((part.get_filename() or "").replace("\\", "/")).name
        content = part.get_payload(decode=True)
        if part.get_content_type() == "message/rfc822":
            name, content = name or "message.eml", part.get_content().as_bytes()
        label = f"{file.location.label} > {name}"
        if not isinstance(content, bytes) or label.count(" > ") > _MAX_DEPTH:
            return
        location = DocumentLocation(file.location.source, PurePosixPath(name).suffix.lower(), label, content=content)
        inner = replace(file, location=location, notes=[])
        try:
            documents = list(self._read_attachment(inner))
        except DocumentError as error:
            file.notes.append(f"the attachment {name} was passed over: {error}")
            return
        file.notes += inner.notes
        yield make_heading(name, 1)
        yield from (block for document in documents for block in document.blocks)


class MailboxLoader(Loader):
    """Reads mailboxes.

    Args:
        messages: Reads each message.
    """

    kind = "mailbox"
    suffixes = (".mbox",)
    reads = "each message, as mail"
    packages = ("lxml",)

    def __init__(self, messages: MailLoader) -> None:
        self._messages = messages

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each message."""
        starts = [match.end() for match in _MESSAGE_START.finditer(file.content)]
        if not starts:
            raise DocumentError("the file contains no message")
        ends = [*(match.start() for match in _MESSAGE_START.finditer(file.content)), len(file.content)][1:]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
            yield self._messages.read_message(file, file.content[start:end].replace(b"\n>From ", b"\nFrom "), number)


def split_reply(text: str) -> tuple[str, str]:
    """Return what a message says itself, and what it quotes from the message before; without the signature's mark."""
    match = _REPLY_START.search(text)
    own, quoted = (text[: match.start()], text[match.end() :]) if match else (text, "")
    lines = own.split("\n")
    quoted_lines = [line for line in lines if line.startswith(">")]
    own = "\n".join(line for line in lines if not line.startswith(">"))
    quoted = _QUOTE_MARK.sub("", "\n".join([*quoted_lines, quoted])).strip()
    return _SIGNATURE.sub("", own).strip(), quoted


def _decode_body(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return decode(content).text
