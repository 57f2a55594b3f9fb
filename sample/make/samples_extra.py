"""Write a small synthetic sample of each benchmark that is a task file, in its own file format.

    python samples_extra.py ../benchmarks && node pack-parquet.mjs ../benchmarks

As in samples.py, only the file formats are those of the benchmarks.  Tables that are Parquet files in the
original are written as rows.jsonl with base64 pictures; pack-parquet.mjs turns them into Parquet.
"""
import base64
import csv
import io
import json
import os
import sys

from samples import Maker
from world import choices, draw, shapes_of, signs_of

LETTERS = "ABCD"
LETTER = "Answer with the option's letter from the given choices directly."


def jpeg(im, quality=78):
    out = io.BytesIO()
    im.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def b64(data):
    return base64.b64encode(data).decode("ascii")


def rows_file(root, path, rows):
    """Rows for pack-parquet.mjs; `image` columns are base64 pictures."""
    full = os.path.join(root, os.path.dirname(path))
    os.makedirs(full, exist_ok=True)
    with open(os.path.join(root, path + ".rows.jsonl"), "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)


def small(low, high):
    """Scene settings: only signs with text between these sizes (at a 512 canvas)."""
    return lambda s: signs_of(s) and all(low <= o["px"] * 512 / s["side"] <= high for o in signs_of(s))


def ask_small(m, what, low, high, **kw):
    from world import ask
    while True:
        s, rng = m.scene(small(low, high), kind="signs", **kw)
        got = ask(s, what, rng)
        if got:
            return s, rng, got


def chartqa(root):
    m, rows = Maker(12), []
    for i in range(8):
        s, rng = m.scene(kind="chart")
        pic = b64(jpeg(draw(s)))
        from world import ask
        for k, typ in (("value", "human_test"), (["tallest", "bars", "shortest"][i % 3], "augmented_test")):
            q, a, _ = ask(s, k, rng)
            rows.append(dict(type=typ, question=q, answer=a, image=pic))
        if i < 2:
            q, a = [("How many bars are black?", "0"), ("What share of the bars is the tallest one?", f"{100 // len(s['objs'])}%")][i]
            rows.append(dict(type="human_test", question=q, answer=a, image=pic))
    rows_file(root, "data/test-00000-of-00001.parquet", rows)


def docvqa(root):
    from world import ask
    m, rows = Maker(13), []
    for i in range(8):
        s, rng = m.scene(kind="book")
        pic = b64(jpeg(draw(s)))
        for k in (["title", "year"], ["author", "genre"])[i % 2]:
            q, a, _ = ask(s, k, rng)
            rows.append(dict(questionId=str(49000 + len(rows)), question=q, docId=700 + i, ucsf_document_id=f"tiny{i:04d}",
                             ucsf_document_page_no="1", answers=[a, a.upper()] if k == "title" else [a], data_split="val", image=pic))
    rows_file(root, "DocVQA/validation-00000-of-00001.parquet", rows)


def infovqa(root):
    from world import ask
    m, rows = Maker(14), []
    for i in range(8):
        s, rng = m.scene(kind="chart") if i % 2 else m.with_kind("number", kind="signs")[:2]
        pic = b64(jpeg(draw(s)))
        for k in (["number", "countall"], ["value", "tallest"])[i % 2]:
            got = ask(s, k, rng)
            if got:
                rows.append(dict(questionId=str(65000 + len(rows)), question=got[0], answers=[got[1]],
                                 image_url=f"https://example.org/{i}.jpeg", data_split="val", image=pic))
    rows_file(root, "InfographicVQA/validation-00000-of-00001.parquet", rows)


OCR_TYPES = [("Regular Text Recognition", "IIIT5K", "word"), ("Irregular Text Recognition", "svtp", "word"),
             ("Artistic Text Recognition", "WordArt", "word"), ("Handwriting Recognition", "IAM", "word"),
             ("Digit String Recognition", "ORAND", "number"), ("Non-Semantic Text Recognition", "NonSemanticText", "number"),
             ("Scene Text-centric VQA", "textVQA", "number"), ("Doc-oriented VQA", "docVQA", "year"),
             ("Key Information Extraction", "SROIE", "title"), ("Handwritten Mathematical Expression Recognition", "HME100k", "number")]


def ocrbench(root):
    m, rows = Maker(15), []
    for i in range(20):
        typ, data, k = OCR_TYPES[i % 10]
        kw = dict(kind="book") if k in ("year", "title") else dict(kind="signs", n_signs=1, n_shapes=1)
        s, rng, (q, a, _) = m.with_kind(k, **kw)
        answer = " ".join(a) if data == "HME100k" else a
        rows.append(dict(dataset=data, question=q + "\nAnswer the question using a single word or phrase.", question_type=typ,
                         answer=[answer], image=b64(jpeg(draw(s)))))
    rows_file(root, "data/test-00000-of-00001.parquet", rows)


def realworldqa(root):
    m, rows = Maker(16), []
    for i in range(16):
        k = ["color", "count", "shape", "countall"][i % 4]
        s, rng, (q, a, opts) = m.with_kind(k, kind="shapes")
        if i % 2 == 0:
            o = choices(rng, a, opts, 3)
            q += "".join(f"\n{LETTERS[j]}. {t}" for j, t in enumerate(o))
            q += "\nPlease answer directly with only the letter of the correct option and nothing else."
            a = LETTERS[o.index(a)]
        else:
            q += "\nPlease answer directly with a single word or number."
        rows.append(dict(question=q, answer=a, image=b64(jpeg(draw(s)))))
    rows_file(root, "data/test-00000-of-00001.parquet", rows)


def ai2d(root):
    m, rows = Maker(17), []
    for i in range(16):
        k = ["shape", "sides", "color", "count"][i % 4]
        s, rng, (q, a, opts) = m.with_kind(k, kind="shapes")
        o = choices(rng, a, opts, 4)
        rows.append(dict(question=q, options=o, answer=str(o.index(a)), image=b64(jpeg(draw(s)))))
    rows_file(root, "data/test-00000-of-00001.parquet", rows)


def table(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="") as f:
        w = csv.DictWriter(f, list(rows[0]), delimiter="\t", lineterminator="\n")
        w.writeheader()
        w.writerows(rows)


def turned(options, answer, by):
    """Options moved by some places, and the answer's letter then."""
    o = options[by:] + options[:by]
    return o, LETTERS[o.index(answer)]


def hrbench(root, number, name, low, high):
    m, rows = Maker(number), []
    for i in range(6):
        if i % 3 < 2:
            s, rng, (q, a, opts) = ask_small(m, "word", low, high, n_signs=1)
            o, cat = choices(rng, a, opts, 4), "single"
        else:
            s, rng, (q, a, opts) = m.with_kind("count", kind="signs")
            o, cat = choices(rng, a, opts, 4), "cross"
        pic = b64(jpeg(draw(s)))
        for cycle in range(4):
            turn, letter = turned(o, a, cycle)
            rows.append(dict(index=4 * i + cycle, question=q, **dict(zip(LETTERS, turn)), answer=letter, category=cat,
                             cycle_category=cycle, image=pic))
    table(f"{root}/{name}", rows)


def vstar(root):
    m, lines = Maker(20), []
    for i in range(16):
        kind = "direct_attributes" if i < 10 else "relative_position"
        if i < 5:
            s, rng, (q, a, opts) = ask_small(m, "word", 13, 20, n_signs=1)
            o = choices(rng, a, opts, 4)
        elif i < 10:
            s, rng, (q, a, opts) = m.with_kind("color", kind="signs")
            o = choices(rng, a, opts, 4)
        else:
            s, rng, (q, a, _) = m.with_kind("rel", kind="shapes")
            o = ["Yes", "No"]
        image = f"{kind}/sa_{900 + i}.jpg"
        os.makedirs(f"{root}/{kind}", exist_ok=True)
        with open(f"{root}/{image}", "wb") as f:
            f.write(jpeg(draw(s)))
        text = q + "".join(f"\n({LETTERS[j]}) {t}" for j, t in enumerate(o)) + "\n" + LETTER
        lines.append(dict(image=image, text=text, category=kind, label=LETTERS[o.index(a)], question_id=str(i)))
    with open(f"{root}/test_questions.jsonl", "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in lines)


# The wording of a question in Chinese, by its English beginning.
CHINESE = dict(color="{0}是什么颜色？", shape="{0}色的物体是什么形状？", count="有多少个{0}？", word="标志上写着什么？")


def mmbench(root, number, name, chinese):
    m, rows = Maker(number), []
    for i in range(6):
        k = ["color", "shape", "count", "word"][i % 4]
        s, rng, (q, a, opts) = m.with_kind(k, kind="signs" if k == "word" else "shapes", **(dict(n_signs=1) if k == "word" else {}))
        o = choices(rng, a, opts, [4, 3, 4, 2][i % 4])
        if chinese:
            q = CHINESE[k].format(next((w for w in q.rstrip("?").split() if w in
                                        {x["kind"] for x in shapes_of(s)} | {x["color"] for x in shapes_of(s)}), q.split()[2]))
        pic = b64(jpeg(draw(s)))
        for turn in range(len(o)):
            t, letter = turned(o, a, turn)
            cells = dict(zip(LETTERS, t + [""] * (4 - len(t))))
            rows.append(dict(index=1_000_000 * turn + 100 + i, question=q, hint="Look at the picture." if i % 3 == 0 and not chinese else "",
                             **cells, answer=letter, category=dict(color="attribute_recognition", shape="object_localization",
                                                                    count="object_localization", word="ocr")[k],
                             image=pic, source="tiny", **{"l2-category": "finegrained_perception (instance-level)"}, comment="",
                             split="dev"))
    rows.sort(key=lambda r: r["index"])
    table(f"{root}/{name}", rows)


def mmmu(root):
    m, rows = Maker(23), []
    subjects = ["Art", "Math", "Biology", "Geography"]
    for i in range(16):
        k = ["color", "sides", "shape", "count"][i % 4]
        s, rng, (q, a, opts) = m.with_kind(k, kind="shapes")
        is_open = i % 8 == 7
        o = [] if is_open else choices(rng, a, opts, 4)
        answer = repr([a, {"0": "none"}.get(a, a)]) if is_open and i == 7 else a if is_open else LETTERS[o.index(a)]
        rows.append(dict(id=f"validation_{subjects[i % 4]}_{i + 1}", question=f"<image 1> {'<image 2> ' if i == 3 else ''}{q}", options=repr(o), explanation="",
                         img_type="['Drawings']", answer=answer, topic_difficulty="Easy",
                         question_type="open" if is_open else "multiple-choice", subfield=["Drawing", "Geometry", "Shapes", "Maps"][i % 4],
                         image_1=b64(jpeg(draw(s))), image_2=b64(jpeg(draw(s))) if i == 3 else None))
    rows_file(root, "data/validation-00000-of-00001.parquet", rows)


ALL = {"chartqa": chartqa, "docvqa": docvqa, "infovqa": infovqa, "ocrbench": ocrbench, "realworldqa": realworldqa, "ai2d": ai2d,
       "hrbench-4k": lambda root: hrbench(root, 18, "hr_bench_4k.tsv", 16, 24),
       "hrbench-8k": lambda root: hrbench(root, 19, "hr_bench_8k.tsv", 12, 16), "vstar": vstar,
       "mmbench": lambda root: mmbench(root, 21, "mmbench_dev_20230712.tsv", False),
       "mmbench-cn": lambda root: mmbench(root, 22, "mmbench_dev_cn_20231003.tsv", True), "mmmu": mmmu}

if __name__ == "__main__":
    for name, make in ALL.items():
        make(os.path.join(sys.argv[1], name))
        print(name)
