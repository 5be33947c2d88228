"""The texts of all tokenizer fixtures, and what they are trained on: written for this repository."""

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "The miller's mill-race runs; the wheel turns, turns, and does not stop.",
    "don't can't we'll they've I'm you'd it's 'quoted' ''",
    "물레방아가 돈다. 물은 흐르고, 바퀴는 멈추지 않는다!",
    "한국어와 English가 섞인 문장 123개",
    "한국어".encode().decode() + " " + "\u1112\u1161\u11ab\u1100\u116e\u11a8",
    "caf\u00e9 cafe\u0301 na\u00efve A\u030angstro\u0308m \u00c5 \u1e9b\u0323 q\u0307\u0323",
    "two  spaces   three\ttab\nnewline\n\nblank line \r\n windows ",
    "  leading and trailing   ",
    "numbers 1 22 333 4444 3.14 1,000,000 \u00bd \u2462 \u0664\u0662",
    "emoji \U0001f600 \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1f0\U0001f1f7 \U0001f44d\U0001f3fd \u2764\ufe0f end",
    "\u4e2d\u6587\u5206\u8bcd test \u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3002\uff21\uff22\uff23 \uff76\uff9e \ufb01ne",
    "\u039f\u0394\u039f\u03a3 \u03a3\u0391\u03a3. \u0391.\u03a3 \u0130stanbul STRASSE \u1e9e",
    "nbsp\u00a0here ideographic\u3000space zero\u200bwidth soft\u00adhyphen \ufeffbom",
    "control\u0001char null-like \u0007bell del\u007f \ufffd replacement",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0629",
    "[CLS] text with [MASK]  and <mask> [SEP] tokens<s>inside</s>\nnew [MASK]\nline",
    "under_score e-mail@example.org http://a.b/c?d=e#f \"quotes\" (paren) [br] {c} ~^`|\\",
    "a\u0301\u0302\u0323b \u0301alone x\u0338= \u2260",
    "wheel wheels wheeled wheeling unwheeled mill mills miller millers",
]

TRAINING = [text for text in TEXTS if text.strip()] + [
    "The water comes down the race and turns the wheel of the mill.",
    "The miller opens the gate, and the wheel begins to turn.",
    "When the gate is closed, the water waits; the wheel stops.",
    "Grain becomes flour, flour becomes bread, and bread feeds the miller.",
    "물이 흐르면 바퀴가 돌고, 바퀴가 돌면 맷돌이 돈다.",
    "방앗간 주인은 수문을 열고 물을 기다린다.",
    "비가 오면 물이 많아지고 바퀴는 더 빨리 돈다.",
    "A stream is a sequence: each step comes after the one before it.",
    "The state remembers what the steps have been, and the next step changes it.",
]


def mixed(seed, count):
    """Texts put together by chance from pieces that are cut, joined or special somewhere."""
    import random

    draw = random.Random(seed)
    pieces = [
        "wheel", "Mill", "the", "'s", "'LL", "don't", "물레방아", "바퀴가", "\u1112\u1161\u11ab", "e\u0301", "\u0301", "\u00e9", "Ω",
        " ", " ", " ", "  ", "   ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u000b", "\u0085", "\u001c", "\u200b", "\u200d",
        ".", ",", "!?", "...", "-", "_", "$", "+", "'", "\"", "\u00bf", "\u2014", "\u3002", "1", "23", "4567", "\u00bd", "\u0664",
        "\u4e2d", "\u6587\u5b57", "\u304b\u306a", "\U00020000", "\U0002b820", "\u2f00", "\ufb01", "\u0130", "\u03a3", "\u1e9e", "\u017f",
        "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\U0001fae0", "\u0939\u093f\u0928\u094d\u0926\u0940",
        "[MASK]", "[CLS]", "<mask>", "<s>", "<|two words|>", "MaSk", "[MA", "two", "words|>", "\u0001", "\ufffd", "\u00ad", "\ufeff", "\u0378",
    ]
    return ["".join(draw.choice(pieces) for _ in range(draw.randrange(1, 25))) for _ in range(count)]
