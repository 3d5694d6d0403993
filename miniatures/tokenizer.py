"""The miniatures' tokenizer: byte-level BPE with three marks for the turns of a dialogue."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from miniatures.document import ASSISTANT, END, PAD, USER

VOCABULARY = 2048
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], context: int, size: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Learn a tokenizer from texts: bytes at the bottom, digits apart, a word with the space before it.

    Args:
        context: positions of the model, tokens.
        size: of the vocabulary, marks included.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, USER, ASSISTANT, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def whole_words(tokenizer: PreTrainedTokenizerFast) -> tuple[str, ...]:
    """The words that are one token each, in the order of the vocabulary: those met most often first."""
    ids = sorted(tokenizer.get_vocab().values())
    texts = (str(tokenizer.decode([id])) for id in ids)
    return tuple(text[1:] for text in texts if text.startswith(" ") and text[1:].isalpha())
