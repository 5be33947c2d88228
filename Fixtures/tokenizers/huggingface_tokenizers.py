"""Trains the tokenizer.json files of this folder on `texts.py`, and writes the ids that `tokenizers` gives.

With --check encodes with the committed files and compares.
"""

import json
import pathlib
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from texts import TEXTS, TRAINING, mixed

FOLDER = pathlib.Path(__file__).parent / "huggingface"
# Added tokens beside white space, and beside letters.
BESIDE = [
    "a   <mask>  b   [MASK]   c  [CLS]   d", "\n <mask> \n [MASK] \n [CLS] \n", "a<mask>b[MASK]c[CLS]", "[MASK]   ", "   <mask>",
    "wheel wheels wheel\u4e2d wheel two words|> mask masked \u6587\u5b57 \u6587 b\u6587 MaSk", "<|two words|> <|two  words|> <|two words|>x",
]
ALL = TEXTS + BESIDE + mixed(1, 120)
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
N, P = normalizers, pre_tokenizers


def trained(model, trainer, normalizer, pre_tokenizer, special, post=None, added=()):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(TRAINING, trainer(special_tokens=special, show_progress=False))
    tokenizer.add_tokens(list(added))
    if post:
        tokenizer.post_processor = post(tokenizer)
    return tokenizer


def word_level(**options):
    return lambda **all: trainers.WordLevelTrainer(vocab_size=120, **options, **all)


def word_piece(**options):
    return lambda **all: trainers.WordPieceTrainer(vocab_size=240, **options, **all)


def bpe(size=360, **options):
    return lambda **all: trainers.BpeTrainer(vocab_size=size, **options, **all)


def bytes_bpe(size=420):
    return bpe(size, initial_alphabet=sorted(P.ByteLevel.alphabet()))


def template(*single):
    return lambda tokenizer: processors.TemplateProcessing(
        single=" ".join(single),
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in single if name != "$A"],
    )


def made():
    unknown = {"unk_token": "[UNK]"}
    yield "wordlevel", trained(
        models.WordLevel(**unknown), word_level(), N.Sequence([N.NFKC(), N.Lowercase()]), P.Whitespace(), ["[UNK]", "[MASK]"]
    )
    yield "wordlevel-split", trained(
        models.WordLevel(**unknown),
        word_level(),
        N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents(), N.Replace("!", "?!")]),
        P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_previous"), P.Split("ee", "isolated")]),
        ["[UNK]"],
        template("[UNK]", "$A"),
    )
    yield "wordlevel-nfkd", trained(
        models.WordLevel(**unknown),
        word_level(),
        N.NFKD(),
        P.Sequence([P.Digits(), P.Punctuation("contiguous"), P.WhitespaceSplit(), P.Punctuation("merged_with_next")]),
        ["[UNK]"],
    )
    yield "wordpiece-bert", trained(
        models.WordPiece(**unknown),
        word_piece(),
        N.BertNormalizer(),
        P.BertPreTokenizer(),
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        template("[CLS]", "$A", "[SEP]"),
        [AddedToken("mask", single_word=True, normalized=True), AddedToken("MaSk", normalized=False)],
    )
    yield "wordpiece-cased", trained(
        models.WordPiece(max_input_chars_per_word=8, **unknown),
        word_piece(),
        N.BertNormalizer(lowercase=False, clean_text=False, handle_chinese_chars=False, strip_accents=True),
        P.BertPreTokenizer(),
        ["[UNK]", "[CLS]", "[SEP]"],
        lambda t: processors.BertProcessing(("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]"))),
        [AddedToken("\u6587", single_word=True, normalized=False)],
    )
    yield "bpe-gpt2", trained(models.BPE(), bytes_bpe(), None, P.ByteLevel(add_prefix_space=False), ["<s>", "<|two words|>"])
    yield "bpe-roberta", trained(
        models.BPE(),
        bytes_bpe(),
        None,
        P.ByteLevel(add_prefix_space=True),
        ["<s>", "</s>", AddedToken("<mask>", lstrip=True), AddedToken("[MASK]", rstrip=True)],
        lambda t: processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>"))),
        [AddedToken("two words|>"), AddedToken("wheel", single_word=True)],
    )
    yield "bpe-llama3", trained(
        models.BPE(ignore_merges=True),
        bytes_bpe(),
        None,
        P.Sequence([P.Split(Regex(CL100K % r"\p{N}{1,3}"), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]),
        ["<s>"],
        lambda t: processors.Sequence([processors.ByteLevel(), template("<s>", "$A")(t)]),
    )
    yield "bpe-qwen2", trained(
        models.BPE(),
        bytes_bpe(),
        N.NFC(),
        P.Sequence([P.Split(Regex(CL100K % r"\p{N}"), "removed", invert=True), P.ByteLevel(add_prefix_space=True, use_regex=False)]),
        ["<s>"],
    )
    yield "bpe-suffix", trained(
        models.BPE(end_of_word_suffix="</w>", fuse_unk=True, **unknown),
        bpe(220, end_of_word_suffix="</w>", limit_alphabet=40),
        N.NFC(),
        P.WhitespaceSplit(),
        ["[UNK]"],
    )
    yield "bpe-prefix", trained(
        models.BPE(continuing_subword_prefix="##", **unknown),
        bpe(300, continuing_subword_prefix="##", limit_alphabet=60),
        N.Lowercase(),
        P.Whitespace(),
        ["[UNK]"],
    )
    yield "bpe-no-unknown", trained(models.BPE(), bpe(120, limit_alphabet=20), None, P.Whitespace(), [])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    for scheme in ["always", "first", "never"]:
        yield f"bpe-metaspace-{scheme}", trained(
            models.BPE(byte_fallback=True, unk_token="<unk>"),
            bpe(480, limit_alphabet=30),
            N.NFKC(),
            P.Metaspace(prepend_scheme=scheme),
            ["<unk>", "<s>"] + bytes_,
            template("<s>", "$A"),
        )
    yield "bpe-metaspace-tokens", trained(
        models.BPE(unk_token="<unk>"),
        bpe(300),
        None,
        P.Metaspace(prepend_scheme="always"),
        ["<unk>", AddedToken("<mask>", lstrip=True), AddedToken("[MASK]", rstrip=True), AddedToken("[CLS]", lstrip=True, rstrip=True)],
    )
    yield "bpe-digits", trained(
        models.BPE(),
        bytes_bpe(),
        N.NFD(),
        P.Sequence([P.Digits(individual_digits=True), P.Punctuation(), P.ByteLevel(add_prefix_space=False)]),
        ["[MASK]"],
    )
    yield "bpe-metaspace-split", trained(
        models.BPE(unk_token="<unk>"), bpe(300), None, P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="first")]), ["<unk>"]
    )


def main():
    FOLDER.mkdir(exist_ok=True)
    cases = []
    check = "--check" in sys.argv
    for name, tokenizer in made():
        path = FOLDER / f"{name}.json"
        # Training breaks ties by chance: a file that is there stays.
        if not check and not path.exists():
            path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False) + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_file(str(path))
        case = {"kind": "huggingface", "file": path.name}
        case["ids"] = [tokenizer.encode(text).ids for text in ALL]
        cases.append(case)
    text = json.dumps({"texts": ALL, "cases": cases}, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n"
    path = FOLDER / "expected.json"
    if check:
        assert path.read_text(encoding="utf-8") == text, f"{path} differs"
    else:
        path.write_text(text, encoding="utf-8")


main()
