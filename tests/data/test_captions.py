import re

import pytest
import torch

from lowdim.data.captions import (
    DESCRIBED,
    FACTS,
    KEYWORDS,
    Tokenizer,
    caption_key,
    caption_ranges,
    captions_match,
    mismatch,
    read_captions,
    write_captions,
)
from lowdim.data.faces import ATTRIBUTES, NAMES, sample_attributes
from lowdim.seeding import make_generator


def rng(*names):
    return make_generator(0, "captions", *names)


@pytest.fixture(scope="module")
def attributes():
    return sample_attributes(400, rng("faces"), torch.float64)


def middle(**values):
    return torch.tensor([[values.get(a.name, a.middle) for a in ATTRIBUTES]], dtype=torch.float64)


def is_true(caption, face):
    """Whether every range that the caption names holds the attribute of the face."""
    return all(low <= face[NAMES.index(name)] <= high for name, (low, high) in caption_ranges(caption).items())


@pytest.mark.parametrize("settings", [{}, {"omit": 0.0}, {"dropout": 0.3}, {"omit": 0.8, "dropout": 0.8}])
def test_captions_are_true_of_their_faces(settings, attributes):
    captions = write_captions(attributes, rng("true"), **settings)
    assert len(captions) == len(attributes)
    for caption, face in zip(captions, attributes, strict=True):
        assert caption_ranges(caption), caption  # each says something
        assert is_true(caption, face), caption
    matches = captions_match(captions, attributes)
    assert matches.diagonal().all()
    for i in range(0, 40, 7):
        assert matches[i].tolist() == [is_true(captions[i], face) for face in attributes]


def test_words_mean_what_they_say():
    """The extremes in words, written down by hand; the parser and the grammar share a table that could be wrong."""
    face = middle(smile=0.9, mouth=0.0, eyes=1.0, gaze=-1.0, brow=1.0, hair_colour=0.97, hair_length=1.0, skin=0.0)
    face[0, NAMES.index("background")] = 0.55
    (caption,) = write_captions(face, rng("words"), omit=0.0, synonyms=1)
    for word in ("smiling", "closed", "wide", "left", "raised", "blond", "long", "light", "oval", "blue"):
        assert word in caption.split() or f"{word}," in caption.split(), caption
    other = middle(smile=-0.9, mouth=1.0, eyes=0.25, gaze=1.0, brow=-1.0, hair_colour=0.0, hair_length=0.0, skin=1.0)
    (caption,) = write_captions(other, rng("words"), omit=0.0, synonyms=1)
    for word in ("frowning", "open", "narrow", "right", "low", "black", "short", "dark", "oval", "green"):
        assert word in caption.split() or f"{word}," in caption.split(), caption


def test_english_of_captions(attributes):
    captions = write_captions(attributes, rng("english"))
    for caption in captions:
        assert not re.search(r"\ba [aeiou]", caption), caption
        assert not re.search(r"\ban [^aeiou]", caption), caption
        assert not re.search(r"  |,,| ,|\band and\b|[ ,]$|^[ ,]", caption), caption
        assert re.match(r"(a|an|this) ", caption), caption
    starts = {re.match(r"a (portrait|picture|drawing) of|this|an?", caption)[0] for caption in captions}
    assert len(starts) == 6  # "a", "an", "this" and three kinds of picture
    assert len(set(captions)) > 0.95 * len(captions)


def test_key_words_belong_to_one_fact():
    words = [word for fact in FACTS for synonyms in fact.words for word in synonyms]
    assert len(words) == len(set(words)) == len(KEYWORDS)
    for fact in FACTS:
        attribute = ATTRIBUTES[NAMES.index(fact.attribute)]
        assert len(fact.words) == len(fact.bounds) + 1
        assert list(fact.bounds) == sorted(fact.bounds)
        assert attribute.low < fact.bounds[0]
        assert fact.bounds[-1] < attribute.high


def test_omission_and_mention_choose_what_is_said(attributes):
    said = read_captions(write_captions(attributes, rng("omit"), omit=0.3)) >= 0
    assert said.double().mean() == pytest.approx(0.7, abs=0.03)
    everything = read_captions(write_captions(attributes, rng("omit"), omit=0.0))
    assert (everything >= 0).all()
    single = read_captions(write_captions(attributes, rng("omit"), omit=1.0)) >= 0
    assert (single.sum(1) == 1).all()
    assert single.any(0).all()
    few = read_captions(write_captions(attributes, rng("omit"), mention=("smile", "gaze"))) >= 0
    assert [DESCRIBED[k] for k in few.any(0).nonzero().flatten()] == ["smile", "gaze"]


def test_synonyms_and_dropout(attributes):
    def vocabulary(**settings):
        captions = write_captions(attributes, rng("synonyms"), omit=0.0, **settings)
        return {word for caption in captions for word in re.findall("[a-z]+", caption)} & set(KEYWORDS)

    assert vocabulary(synonyms=1) == {synonyms[0] for fact in FACTS for synonyms in fact.words}
    assert vocabulary(synonyms=2) == {word for fact in FACTS for synonyms in fact.words for word in synonyms[:2]}
    assert vocabulary() == set(KEYWORDS)
    lengths = [
        sum(len(re.findall("[a-z]+", caption)) for caption in write_captions(attributes, rng("dropout"), dropout=p))
        for p in (0.0, 0.25)
    ]
    assert lengths[1] / lengths[0] == pytest.approx(0.77, abs=0.03)  # one key word of each caption is spared


def test_captions_repeat_with_the_generator(attributes):
    assert write_captions(attributes, rng("a")) == write_captions(attributes, rng("a"))
    assert write_captions(attributes, rng("a")) != write_captions(attributes, rng("b"))


def test_wordings_of_one_meaning_share_a_key():
    first = "a portrait of a happy person looking to the left, with long ginger hair"
    second = "this character has flowing red hair, is smiling and gazes left"
    assert caption_key(first) == caption_key(second) == ("smiling", "left", "red", "long")
    assert caption_key("long flowing ginger hair") == ("red", "long")
    assert caption_key("an empty sentence about nobody") == ()
    face = middle(smile=0.9, gaze=-0.9, hair_colour=0.6, hair_length=0.9)
    sad = middle(smile=-0.9, gaze=-0.9, hair_colour=0.6, hair_length=0.9)
    matches = captions_match([first, second, "a person with red hair", "hello"], torch.cat([face, sad]))
    assert matches.tolist() == [[True, False], [True, False], [True, True], [True, True]]


@pytest.mark.parametrize("rate", [0.0, 0.07, 0.5, 0.999, 1.0])
def test_mismatch_moves_exactly_its_share(rate):
    n = 200
    permutation = mismatch(n, rate, rng("mismatch"))
    assert sorted(permutation.tolist()) == list(range(n))
    assert int((permutation != torch.arange(n)).sum()) == round(rate * n)
    if 0 < rate < 1:
        assert not torch.equal(permutation, mismatch(n, rate, rng("another")))


def test_one_pair_cannot_be_mismatched_alone():
    with pytest.raises(ValueError, match="rate: 0.1 of 10 pairs is one pair"):
        mismatch(10, 0.1, rng("mismatch"))
    assert mismatch(10, 0.04, rng("mismatch")).tolist() == list(range(10))
    with pytest.raises(ValueError, match="one pair"):
        mismatch(1, 1.0, rng("mismatch"))
    assert mismatch(2, 1.0, rng("mismatch")).tolist() == [1, 0]


def test_tokens_come_back_as_the_captions(attributes, tmp_path):
    captions = write_captions(attributes, rng("tokens"), omit=0.1)
    for tokenizer in (Tokenizer(), Tokenizer.from_captions(captions)):
        tokens = tokenizer.encode(captions)
        assert tokenizer.decode(tokens.ids) == captions  # so the grammar's vocabulary misses no word
        assert tokens.ids.shape == tokens.mask.shape
        assert (tokens.ids[:, 0] == 2).all()  # <start>
        lengths = tokens.mask.sum(1)
        assert int(lengths.max()) == tokens.ids.shape[1]
        assert (tokens.ids.gather(1, lengths[:, None] - 1) == 3).all()  # <end>
        assert (tokens.ids[~tokens.mask] == 0).all()
        tokenizer.save(tmp_path / "words.json")
        assert Tokenizer.load(tmp_path / "words.json").tokens == tokenizer.tokens
    assert len(set(Tokenizer().tokens)) == len(Tokenizer())


def test_unknown_words_and_lengths():
    tokenizer = Tokenizer(["a", "happy", "face"])
    ids, mask = tokenizer.encode(["A happy zebra", "face"], 6)
    assert ids.tolist() == [[2, 4, 5, 1, 3, 0], [2, 6, 3, 0, 0, 0]]
    assert mask.sum(1).tolist() == [5, 3]
    assert tokenizer.decode(ids) == ["a happy <unknown>", "face"]
    assert tokenizer.encode(["a happy face"], 4, truncate=True).ids.tolist() == [[2, 4, 5, 3]]
    assert tokenizer.encode(["", "face"]).ids.tolist() == [[2, 3, 0], [2, 6, 3]]
    assert tokenizer.encode([""]).ids.tolist() == [[2, 3, 0]]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda a: write_captions(a[:0], rng()), "attributes: no faces"),
        (lambda a: write_captions(a + 1, rng()), "out of range|is not allowed"),
        (lambda a: write_captions(a, rng(), omit=1.5), "omit: 1.5"),
        (lambda a: write_captions(a, rng(), dropout=-0.1), "dropout: -0.1"),
        (lambda a: write_captions(a, rng(), synonyms=0), "synonyms: 0"),
        (lambda a: write_captions(a, rng(), mention=()), "mention: .* choose from smile"),
        (lambda a: write_captions(a, rng(), mention=("hat",)), "mention: .*hat"),
        (lambda a: read_captions([]), "captions: the list is empty"),
        (lambda a: captions_match([], a), "captions: the list is empty"),
        (lambda a: caption_key("a happy sad face"), "contradicts itself about smile"),
        (lambda a: mismatch(10, 1.1, rng()), "rate: 1.1"),
        (lambda a: mismatch(10, -0.1, rng()), "rate: -0.1"),
        (lambda a: mismatch(10, float("nan"), rng()), "rate: nan"),
        (lambda a: mismatch(0, 0.5, rng()), "n: 0"),
        (lambda a: Tokenizer([]), "vocabulary: it is empty"),
        (lambda a: Tokenizer(["a", "b", "a"]), "'a' is there twice"),
        (lambda a: Tokenizer(["two words"]), "'two words' is not allowed"),
        (lambda a: Tokenizer.from_captions([]), "captions: the list is empty"),
        (lambda a: Tokenizer.from_captions(["", "!"]), "captions: no words in 2 captions"),
        (lambda a: Tokenizer().encode("a face"), "captions: 'a face' is a single text"),
        (lambda a: captions_match("a happy face", a), "captions: 'a happy face' is a single text"),
        (lambda a: Tokenizer().encode([]), "captions: the list is empty"),
        (lambda a: Tokenizer().encode(["a face"], 2), "length: 2"),
        (lambda a: Tokenizer().encode(["a happy face"], 4), "length: 4 is too short; .* 5 tokens"),
        (lambda a: Tokenizer().decode(torch.tensor([[9999]])), "ids: 9999 to 9999"),
        (lambda a: Tokenizer().decode(torch.tensor([0.5])), "ids: shape"),
    ],
)
def test_bad_input_is_explained(call, match):
    with pytest.raises(ValueError, match=match):
        call(middle())


@pytest.mark.parametrize("text", ["[]", "{}", "not json", '{"vocabulary": []}'])
def test_a_file_without_a_vocabulary_is_refused(text, tmp_path):
    (tmp_path / "words.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"words.json is not a saved tokenizer|vocabulary: it is empty"):
        Tokenizer.load(tmp_path / "words.json")
