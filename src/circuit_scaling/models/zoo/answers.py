"""How often an embedded model is right about documents: greedy answers, judged strictly."""

from __future__ import annotations

import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.settings import ReaderSettings
from circuit_scaling.prompts.needles.answers import is_right
from circuit_scaling.prompts.needles.build import build_questions
from circuit_scaling.prompts.needles.generator import fictional_filings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.needles.settings import NeedleSettings

_NEW_TOKENS = 12  # longer than any answer


def answers_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    entry: RosterEntry,
    settings: ReaderSettings,
) -> pd.DataFrame:
    """Greedy answers about filings of companies never seen, judged strictly.

    Returns:
        Rows of ``zoo_answers``, by form in which the model was trained, question and length.
    """
    truth, texts = fictional_filings(
        settings.test_filings, settings.seed, length="short", names="study"
    )
    prefix = prompt_prefix(tokenizer, entry.bos, model.config.model_type)
    tables = []
    for form in dict.fromkeys(settings.models[entry.slug].forms):
        asks = NeedleSettings(lengths=settings.lengths, form=form, test_share=0.5)
        questions, _ = build_questions(truth, texts, shipped_haystack(), asks, tokenizer, prefix)
        questions["accuracy"] = _right(model, tokenizer, questions)
        tables.append(questions)
    grouped = pd.concat(tables).groupby(["question", "form", "token_length"], sort=False)
    told = grouped["accuracy"].agg(accuracy="mean", n_questions="size").reset_index()
    told.insert(0, "model", entry.slug)
    return told


@torch.no_grad()
def _right(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, questions: pd.DataFrame
) -> pd.Series[bool]:
    """Whether each question is answered; prompts of one length are answered together."""
    right = pd.Series(False, index=questions.index)
    for _, batch in questions.groupby("token_length"):
        prompts = torch.tensor(batch["tokens"].tolist())
        said = model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            max_new_tokens=_NEW_TOKENS,
            do_sample=False,
            use_cache=True,
            pad_token_id=tokenizer.eos_token_id,
        )[:, prompts.shape[1] :]
        for place, kind, answer, tokens in zip(
            batch.index, batch["kind"], batch["answer"], said, strict=True
        ):
            text = tokenizer.decode(tokens, skip_special_tokens=True)
            right[place] = is_right(kind, answer, text)
    return right
