"""Tell the language of each document by its text (py3langid: a naive Bayes classifier over byte n-grams)."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from .document import Document

_NAMES = {
    "ar": "arabic",
    "bg": "bulgarian",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "he": "hebrew",
    "hi": "hindi",
    "hr": "croatian",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "ja": "japanese",
    "ko": "korean",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sk": "slovak",
    "sl": "slovenian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "th": "thai",
    "tr": "turkish",
    "uk": "ukrainian",
    "vi": "vietnamese",
    "zh": "chinese",
}
"""English names of the languages that are told apart, by ISO 639-1. Those with a stemmer have its name."""
DEFAULT_LANGUAGE = "english"
"""The language of documents of which none tells its language."""
_MIN_CONFIDENCE = 0.95
_MAX_CHARACTERS = 5_000
"""Characters of a document that are looked at."""


def find_languages(documents: Iterable[Document]) -> dict[str, str]:
    """Return the language of each source.

    A source whose text is too short or too mixed to tell, such as a list of codes, has the language of most others.

    Args:
        documents: The documents; several of one source, such as pages, are one text.
    """
    texts: dict[str, str] = {}
    for document in documents:
        earlier_text = texts.get(document.source, "")
        if len(earlier_text) < _MAX_CHARACTERS:
            texts[document.source] = f"{earlier_text}\n{document.title}\n{document.text[:_MAX_CHARACTERS]}"
    identifier = _make_identifier()
    languages = {source: _identify(identifier, text) for source, text in texts.items()}
    counts = Counter(sorted(filter(None, languages.values())))
    most_frequent = counts.most_common(1)[0][0] if counts else DEFAULT_LANGUAGE
    return {source: language or most_frequent for source, language in languages.items()}


def _make_identifier() -> Any:  # the package has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second, at a build alone

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(_NAMES))
    return identifier


def _identify(identifier: Any, text: str) -> str:
    """Return the language of ``text``; empty when it cannot be told."""
    code, confidence = identifier.classify(text[:_MAX_CHARACTERS])
    return _NAMES[code] if confidence >= _MIN_CONFIDENCE else ""
