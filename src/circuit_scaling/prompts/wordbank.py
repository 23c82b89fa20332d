"""The words that a tokenizer takes as one token, and the split of the names."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.words import categories, word_list

_ANCHOR = "the"
MIN_NAMES = 4  # one pair for `select`, one for `test`


class Tokenizer(Protocol):
    """What prompts need of a Hugging Face tokenizer."""

    bos_token_id: int | None
    unk_token_id: int | None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Token ids of ``text``, with or without what the tokenizer puts around a text."""
        ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False) -> str:
        """The text of ``token_ids``, with or without BOS, the unknown token and their like."""
        ...


def no_other_tokenizer(name: str) -> Tokenizer:
    """For use where only the model's own tokenizer is at hand.

    Raises:
        CircuitScalingError: always.
    """
    raise CircuitScalingError(
        f"Token ids of '{name}' cannot be read here. Give the words in place of the ids."
    )


@dataclass(frozen=True)
class WordBank:
    """Words usable in prompts: each one token, with its leading space, in the model's tokenizer.

    Attributes:
        names: usable names in a fixed order; even places belong to ``select``, odd ones to
            ``test``, so that no name is ever on both sides.
        places, objects: fillers of the name templates.
        lists: category -> its usable items.
        passages: plain text.
        dropped: how many words of each list the tokenizer splits, and how many rows of a file it
            makes useless.
        tokenizer_of: loads another tokenizer, by hub id or folder.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    objects: tuple[str, ...]
    lists: dict[str, tuple[str, ...]]
    passages: tuple[str, ...]
    tokenizer: Tokenizer
    dropped: dict[str, int] = field(default_factory=dict)
    tokenizer_of: Callable[[str], Tokenizer] = no_other_tokenizer
    _ids: dict[str, int] = field(default_factory=dict)

    def encode(self, text: str, what: str = "the text") -> list[int]:
        """Token ids of ``text`` without special tokens; a leading space is said once only.

        Raises:
            CircuitScalingError: the tokens do not say the text: the tokenizer does not know a word.
        """
        if text.startswith(" ") and prepends_space(self.tokenizer):
            text = text[1:]
        tokens = list(self.tokenizer.encode(text, add_special_tokens=False))
        if not says(self.tokenizer, tokens, text):
            raise CircuitScalingError(
                f"The tokenizer does not know all words of {what} '{text}': it reads "
                f"'{self.tokenizer.decode(tokens)}'. Use words of its vocabulary."
            )
        return tokens

    def token(self, word: str) -> int:
        """The id of ``word`` with its leading space; the word must be in the bank."""
        if word not in self._ids:
            (self._ids[word],) = ids_in_text(self.tokenizer, word)
        return self._ids[word]

    def tokens(self, words: Iterable[str | int]) -> list[int]:
        """The ids of some words of the bank; what is an id already stays one."""
        return [word if isinstance(word, int) else self.token(word) for word in words]

    def split_names(self, split: str) -> tuple[str, ...]:
        """The names of one side of the select/test split."""
        return self.names[0::2] if split == "select" else self.names[1::2]

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Every single-token content word, for random sequences."""
        items = (item for words in self.lists.values() for item in words)
        return tuple(dict.fromkeys((*self.names, *self.places, *self.objects, *items)))


def ids_in_text(tokenizer: Tokenizer, word: str) -> list[int]:
    """The token ids of ``word`` behind another word.

    Most tokenizers give the same for ``" word"`` alone; one that puts a space of its own before
    every text (Llama 2) would then see two.
    """
    before = tokenizer.encode(_ANCHOR, add_special_tokens=False)
    return tokenizer.encode(f"{_ANCHOR} {word}", add_special_tokens=False)[len(before) :]


def says(tokenizer: Tokenizer, tokens: list[int], text: str) -> bool:
    """Whether tokens say a text, up to white space and case; an unknown word's token does not.

    It is not enough to ask for ``unk_token_id``: a tokenizer may put its unknown token, or nothing,
    without saying so.
    """
    said = tokenizer.decode(tokens, skip_special_tokens=True)
    return _letters(said) == _letters(text) != ""


def _letters(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def prepends_space(tokenizer: Tokenizer) -> bool:
    """Whether a text's first word has the token that it has behind another word."""
    alone = tokenizer.encode(_ANCHOR, add_special_tokens=False)
    return alone == ids_in_text(tokenizer, _ANCHOR) and tokenizer.unk_token_id not in alone


def make_word_bank(
    tokenizer: Tokenizer,
    names: Literal["common"] | Sequence[str] = "common",
    tokenizer_of: Callable[[str], Tokenizer] = no_other_tokenizer,
) -> WordBank:
    """Keep the words that are one token of their own; count the others.

    Raises:
        CircuitScalingError: fewer than four names are usable (two for each side of the split).
    """

    def usable(words: Sequence[str]) -> tuple[str, ...]:
        """Words that are one token, which says the word and no word before it."""
        found: dict[int, str] = {}
        for word in words:
            ids = ids_in_text(tokenizer, word)
            if len(ids) == 1 and says(tokenizer, ids, word):
                found.setdefault(ids[0], word)
        return tuple(found.values())

    wanted = word_list("names") if names == "common" else tuple(dict.fromkeys(names))
    kept = usable(wanted)
    if len(kept) < MIN_NAMES:
        found = f"only {', '.join(kept)}" if kept else "none"
        raise CircuitScalingError(
            f"The prompts need at least {MIN_NAMES} names that are one token in this tokenizer "
            f"(two for each side of the select/test split); of {len(wanted)} given, {found} can "
            f"be used{_example(tokenizer, [w for w in wanted if w not in kept])}. Set "
            "'prompts.names: common' or list more names."
        )
    lists = {category: usable(items) for category, items in categories().items()}
    places, objects = usable(word_list("places")), usable(word_list("objects"))
    dropped = {
        "names": len(wanted) - len(kept),
        "places": len(word_list("places")) - len(places),
        "objects": len(word_list("objects")) - len(objects),
        "list_items": sum(len(categories()[c]) - len(items) for c, items in lists.items()),
    }
    passages = word_list("passages")
    return WordBank(kept, places, objects, lists, passages, tokenizer, dropped, tokenizer_of)


def _example(tokenizer: Tokenizer, words: Sequence[str]) -> str:
    """What the tokenizer makes of the first of these words: why it is of no use."""
    if not words:
        return ""
    pieces = [tokenizer.decode([token]) for token in ids_in_text(tokenizer, words[0])]
    return f" ('{words[0]}' becomes {', '.join(map(repr, pieces))})"
