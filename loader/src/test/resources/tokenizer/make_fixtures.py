"""Makes the tokenizer fixtures of this directory: small vocabularies trained on the texts below, the vocabulary of
SmolLM2-135M-Instruct (Apache-2.0, Hugging Face) from its GGUF file, and what Hugging Face's tokenizers and Google's
sentencepiece make of hard texts.

    pip install tokenizers sentencepiece gguf
    python make_fixtures.py [SmolLM2-135M-Instruct.Q4_1.gguf]
"""
import gzip
import io
import json
import pathlib
import random
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>"]

SAMPLE = """The lighthouse keeper opened the door and looked at the sea. It wasn't calm; they'd said it'd be, but we've seen
what THEY'LL call "calm". In 1999 there were 12345 boats, 3.14 of which didn't return!? for (int i = 0; i < 100; i++) {
\tsum += values[i] * 2;\r\n    return sum;   \n\n}  Zürich, naïve café, Ελλάδα, Москва, Привет мир, 東京タワー 333 m, 你好世界,
مرحبا بالعالم, हिन्दी भाषा, 한국어 텍스트, ไทย, שלום עולם. 😀👍🏽 👨‍👩‍👧‍👦 — “quotes” … ½ ² ③ Ⅷ e\u0301 = é; $5+7=12 <tag> ~x^y|z`.
"""

WORDS = ["I'm", "I'M", "you'Re", "don'T", "we'LL", "'S", "ſ", "'ſ", "'ſx", "dog's", "3rd", "v2.0", "１２３", "𝟘𝟙𝟚𝟛", "²³", "Ⅷ", "٣٤٥",
         "e\u0301", "\u0301", "a\u0300\u0301b", "नमस्ते", "สวัสดี", "東京", "你好", "한국어", "가", "مرحبا", "שלום", "👨‍👩‍👧‍👦", "👍🏽", "🇨🇭", "\ufe0f",
         "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\u0085", "\x00", "\x07", "\ufeff", "\ufffd", "\U0001F600", "\U000e0041",
         "\u0378", "\ue000", "_", "__init__", "#!/bin/sh", "https://x.y/?a=b&c=d", "a`b", "$x+y<=z^2|w~", "...", "?!", "—", "“", "”",
         "\t", "\n", "\r\n", "\r", "\n\n", " ", "  ", "   ", "    ", "\t\t", " \n", "\n ", " \r\n ", "1", "12", "123", "1234", "1234567",
         "x1", "1x", "ÀÉ", "ß", "İ", "ı", "ǅ", "ﬁ", "K", "camelCase", "XMLHttp", "ABCdef", "ǅxX", "ʰa", "Aʰ", "A\u0301a", "日A日", "aA", "/\n", "--/\r\n/", "▁", "▁▁", "<0x41>", "<s>", "</s>", "<unk>", "<tool>", "<|im_end|>",
         "<|endoftext|>", "<|im_", "|>", "lighthouse", "keeper", "Hello", "HELLO", "hello", "the", " the", "'", "''", "'s", "'re",
         "'ve", "'d", "'ll", "'l", "'r", "'v", "' s"]


def texts():
    fixed = ["", " ", "  ", "\n", "a", " a", "a ", "  a  ", "Hello world", "Hello, world! How's it going?", SAMPLE,
             "one\r\ntwo\r\n\r\n  three \t four\n", "tail   ", "\n\n\n  x", "a" * 200, "ab" * 150, " " * 70, "\n" * 40, "1" * 50,
             "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "x<|endoftext|>y", "<tool>call</tool> a<tool>b",
             "".join(chr(c) for c in range(1, 256)), "a\x00b", "…" * 9]
    rng = random.Random(7)
    for _ in range(100):
        fixed.append("".join(rng.choice(WORDS) + rng.choice(["", "", " "]) for _ in range(rng.randint(1, 14))))
    for _ in range(25):
        fixed.append("".join(chr(c) for c in (rng.randint(1, 0x2fff) for _ in range(12))))
    return fixed


GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
CL100K = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
HEAD, TAIL, PREFIX = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", r"[^\r\n\p{L}\p{N}]?"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = PREFIX + HEAD + "*" + TAIL + "+|" + PREFIX + HEAD + "+" + TAIL + r"*|\p{N}" + REST
SUFFIX = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = PREFIX + HEAD + "*" + TAIL + "+" + SUFFIX + "|" + PREFIX + HEAD + "+" + TAIL + "*" + SUFFIX + r"|\p{N}{1,3}" + REST


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


PRE = {
    "gpt-2": [byte_level(True)],
    "smollm": [pre_tokenizers.Digits(individual_digits=True), byte_level(True)],
    "llama-bpe": [split(CL100K % r"\p{N}{1,3}"), byte_level()],
    "qwen2": [split(CL100K % r"\p{N}"), byte_level()],
    "falcon": [pre_tokenizers.Punctuation("contiguous"), byte_level(True), split("[0-9][0-9][0-9]")],
    "tekken": [split(TEKKEN), byte_level()],
    "gpt-4o": [split(O200K), byte_level()],
    "default": [split(r"[\p{P}\$\+<=>\^~\|]+"), split(GPT2), split(r"\p{N}+"), split("[0-9][0-9][0-9]"), byte_level()],
}


def corpus():
    rng = random.Random(3)
    lines = SAMPLE.splitlines(keepends=True)
    return lines * 20 + ["".join(rng.choice(WORDS) + " " for _ in range(12)) for _ in range(300)]


def cases(tokenizer):
    return [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids,
             "special": tokenizer.encode(t, add_special_tokens=True).ids} for t in texts()]


def save(name, tokenizer, config):
    directory = HERE / name
    directory.mkdir(exist_ok=True)
    dump(directory / "tokenizer.json", json.loads(tokenizer.to_str()))
    dump(directory / "tokenizer_config.json", config)
    dump(directory / "golden.json", cases(tokenizer))


def dump(path, value):
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def byte_level_fixture(name, parts):
    tokenizer = Tokenizer(models.BPE(ignore_merges=name in ("llama-bpe", "tekken")))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts) if len(parts) > 1 else parts[0]
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    if name == "llama-bpe":
        begin = tokenizer.token_to_id("<|begin_of_text|>")
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", begin)])])
    save(name, tokenizer, {"bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>"},
                           "tokenizer_class": "PreTrainedTokenizerFast"} if name != "llama-bpe" else {"eos_token": "<|endoftext|>"})


def sentencepiece_model():
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=out, vocab_size=900, model_type="bpe", byte_fallback=True,
        character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, user_defined_symbols=["<tool>"], minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())


def sentencepiece_fixture(model):
    """The metadata that a GGUF file of the model holds, and what sentencepiece makes of the texts."""
    def kind(i):
        return 2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) \
            else 4 if model.id_to_piece(i) == "<tool>" else 5 if model.is_unused(i) else 1
    ids = range(model.get_piece_size())
    directory = HERE / "sentencepiece"
    directory.mkdir(exist_ok=True)
    dump(directory / "metadata.json", {
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [model.id_to_piece(i) for i in ids],
        "tokenizer.ggml.scores": [model.get_score(i) for i in ids],
        "tokenizer.ggml.token_type": [kind(i) for i in ids],
        "tokenizer.ggml.bos_token_id": model.bos_id(), "tokenizer.ggml.eos_token_id": model.eos_id(),
        "tokenizer.ggml.unknown_token_id": model.unk_id()})
    # After a user-defined symbol llama.cpp puts a space where sentencepiece puts none: such texts are no reference here.
    dump(directory / "golden.json", [{"text": t, "ids": model.encode(t)} for t in texts() if "<tool>" not in t])


def character_fixture(name, model, legacy):
    """The same pieces as a tokenizer.json: Llama 2's normalizers, or the newer Metaspace."""
    pieces = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    known = {p: i for i, p in enumerate(pieces)}
    plain = [i for i in range(len(pieces)) if not (model.is_control(i) or model.is_byte(i) or model.is_unknown(i))]
    merges = []
    for i in sorted(plain, key=lambda i: -model.get_score(i)):
        p = pieces[i]
        local = [(known[p[:k]], known[p[k:]], p[:k], p[k:]) for k in range(1, len(p))
                 if p[:k] in known and p[k:] in known and known[p[:k]] in plain and known[p[k:]] in plain]
        merges += [(l, r) for _, _, l, r in sorted(local)] if p != "<tool>" else []
    tokenizer = Tokenizer(models.BPE(vocab=known, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ["<unk>", "<s>", "</s>"]])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", known["<s>"])])
    save(name, tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True, "add_eos_token": False,
                           "tokenizer_class": "LlamaTokenizer"})


def smollm2_fixture(path):
    """Tokens without a merge, then all merges: every further token is what the merge of its place becomes."""
    import gguf
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = fields["tokenizer.ggml.merges"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    first = len(tokens) - len(merges)
    assert tokens[first:] == [merge.replace(" ", "", 1) for merge in merges]
    assert [i for i, kind in enumerate(types) if kind == 3] == list(range(17))
    directory = HERE / "smollm2"
    directory.mkdir(exist_ok=True)
    lines = [str(first)] + tokens[:first] + merges
    (directory / "vocabulary.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)},
                                     merges=[tuple(m.split(" ", 1)) for m in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(PRE["smollm"])
    tokenizer.add_special_tokens(tokens[:17])
    dump(directory / "golden.json", [{"text": c["text"], "ids": c["ids"]} for c in cases(tokenizer)])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        smollm2_fixture(sys.argv[1])
    for fixture in PRE.items():
        byte_level_fixture(*fixture)
    processor = sentencepiece_model()
    sentencepiece_fixture(processor)
    character_fixture("llama2", processor, legacy=True)
    character_fixture("metaspace", processor, legacy=False)
