"""The parts of a prompt as tokens, each encoded alone, so that its place in the prompt is exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.questions import Question
from circuit_scaling.prompts.wordbank import Tokenizer, ids_in_text, says
from circuit_scaling.vocabulary import QuestionForm

_ASKED = "\n\nQuestion: {question}\nAnswer"
_IN_ONE_WORD = " in one word:"
_CONTEXT = "THECONTEXTSTANDSHERE"


class _ChatTokenizer(Protocol):
    """What a chat needs of a Hugging Face tokenizer."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, add_generation_prompt: bool, tokenize: bool
    ) -> str:
        """The text of a conversation, up to where the assistant begins."""
        ...


@dataclass(frozen=True)
class Frame:
    """What stands around the context of a question.

    Attributes:
        head: tokens before it: BOS, and in a chat the beginning of the user's turn.
        suffix: tokens after it: the question; the answer follows the last one.
        null_suffix: the same with the null query in place of the question.
        spaced: whether the answer begins with a space.
    """

    head: tuple[int, ...]
    suffix: tuple[int, ...]
    null_suffix: tuple[int, ...]
    spaced: bool


class Parts:
    """Encodes the parts of prompts.

    Args:
        prefix: what the model's prompts begin with, such as BOS; in no part does it come again.
    """

    def __init__(self, tokenizer: Tokenizer, prefix: tuple[int, ...]) -> None:
        self._tokenizer = tokenizer
        self._prefix = prefix

    def tokens(self, text: str) -> list[int]:
        """The tokens of a part, without what a tokenizer puts in front of a text unasked."""
        ids = [int(token) for token in self._tokenizer.encode(text, add_special_tokens=False)]
        n = len(self._prefix)
        return ids[n:] if n and tuple(ids[:n]) == self._prefix else ids

    def known(self, text: str) -> list[int] | None:
        """The tokens of a part; none where they do not say it.

        A tokenizer may not know a word, and a text may hold what the tokenizer takes for BOS or
        another of its special tokens.
        """
        ids = self.tokens(text)
        return ids if says(self._tokenizer, ids, text) else None

    def decoded(self, tokens: list[int]) -> str:
        """The text of tokens, special ones included."""
        return self._tokenizer.decode(tokens)

    def answer(self, text: str, spaced: bool) -> list[int] | None:
        """The tokens of an answer as it follows a prompt; none where they do not say it."""
        if not spaced:
            return self.known(text)
        ids = [int(token) for token in ids_in_text(self._tokenizer, text)]
        return ids if says(self._tokenizer, ids, text) else None

    def frame(self, form: QuestionForm, question: Question, null_query: str) -> Frame:
        """What stands around the context of a question put in this form.

        ``one_word``: ``Question: <question>``, a new line, ``Answer in one word:``. ``cue``:
        the same with ``Answer: <cue>``, of which the null query keeps ``Answer:``. ``chat``: the
        context and the question as in ``one_word`` are what the user says; the suffix goes on to
        where the assistant begins.

        Raises:
            CircuitScalingError: the tokenizer does not know a word of the question; for a chat,
                it has no chat template, or one that does not say once what the user says.
        """
        asked, null = (_ASKED.format(question=text) for text in (question.text, null_query))
        if form == "cue":
            texts = (f"{asked}: {question.cue}", f"{null}:")
        else:
            texts = (asked + _IN_ONE_WORD, null + _IN_ONE_WORD)
        for text in texts:
            if self.known(text) is None:
                raise CircuitScalingError(
                    f"The tokenizer does not know all words of the question "
                    f"'{' '.join(text.split())}': such a model cannot be asked it."
                )
        if form != "chat":
            suffix, null_suffix = (tuple(self.tokens(text)) for text in texts)
            return Frame(self._prefix, suffix, null_suffix, spaced=True)
        (before, after), (_, null_after) = (self._turn(text) for text in texts)
        head = (*self._prefix, *self.tokens(before))
        return Frame(
            head,
            tuple(self.tokens(after)),
            tuple(self.tokens(null_after)),
            spaced=not after[-1:].isspace(),
        )

    def _turn(self, question: str) -> tuple[str, str]:
        """The text of a chat before and after the context that the user gives with a question."""
        if not getattr(self._tokenizer, "chat_template", None):
            raise CircuitScalingError(
                "The tokenizer has no chat template: set 'form' to 'one_word' or 'cue'."
            )
        tokenizer = cast(_ChatTokenizer, self._tokenizer)
        said = [{"role": "user", "content": _CONTEXT + question}]
        text = tokenizer.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
        if text.count(_CONTEXT) != 1:
            raise CircuitScalingError(
                "The tokenizer's chat template does not give once what the user says: set 'form' "
                "to 'one_word' or 'cue'."
            )
        before, _, after = text.partition(_CONTEXT)
        return before, after
