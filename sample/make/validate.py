"""Accuracy of a training state on scenes made for validation, to choose between checkpoints.

    python validate.py STATE.pt ... [--first 6000000] [--scale 1] [--out result.json]

Scene seeds start at --first (6e6: choosing between states; 7e6: reported once in
the model card), away from training (1e6..5e6) and samples (9e6).  Pictures pass
through JPEG and the reference preprocessing like the samples.  An answer counts
when greedy decoding would say it exactly: every token of it, and the end, is the
most likely one.  fp32 on weights rounded to fp16, one question per picture.
"""
import argparse
import io
import json
import os
import random
from collections import defaultdict

import sentencepiece as spm
import torch

from runtime import pixels
from tinymodel import Llava, base_config
from tokens import IMAGE, prompt_ids, prompt_text
from world import LETTER, SHORT, VIZ, ask, bare, choices, draw, letter_block, make_scene

TOK = os.environ.get("TINY_TOK", "../models/llava-hr-tiny/tokenizer.model")
# group: questions, kinds asked in turn (kind of question, kind of scene), how they are put
GROUPS = dict(
    text=(900, [("number", "signs"), ("word", "signs"), ("number", "signs"), ("word", "signs"), ("value", "chart"),
                ("year", "book")], SHORT),
    shapes=(240, [(k, "shapes") for k in ("exist", "exist2", "count", "countall", "color", "shape", "coloryn", "fruit", "sides",
                                          "place", "bg", "more", "side", "vert", "size")], SHORT),
    book=(120, [(k, "book") for k in ("title", "author", "genre", "related")], SHORT),
    choice=(120, [("color", "shapes"), ("shape", "shapes"), ("count", "shapes"), ("word", "signs"), ("fruit", "shapes")], LETTER),
    viz=(90, [(None, "blur"), ("color", "shapes"), ("number", "signs"), (None, "shapes"), ("word", "signs")], VIZ),
    compare=(90, [("wordyn", "signs"), ("numberyn", "signs"), ("titleyn", "book"), ("spanish", "signs"), ("rel", "shapes")], SHORT))


def questions(first, scale=1.0):
    """Rows: group, kind, scene, prompt text, answer."""
    rows, at = [], first
    for group, (n, plan, suffix) in GROUPS.items():
        for i in range(int(n * scale)):
            kind, scene = plan[i % len(plan)]
            got = None
            while not got:
                at += 1
                rng = random.Random(at)
                s = make_scene(rng, scene)
                q = ask(s, kind, rng) if kind else bare(s, rng)
                got = q and (q if kind else (q, "Unanswerable", None))
            q, a, opts = got
            if suffix == LETTER:
                o = choices(rng, a, opts, 4)
                q, a = q + letter_block(o), "ABCD"[o.index(a)]
            rows.append((group, kind or "unanswerable", s, q + suffix, a))
    assert at - first < 900_000
    return rows


def picture(s, size):
    f = io.BytesIO()
    draw(s).save(f, "JPEG", quality=92, subsampling=0)
    return pixels(f, size)


@torch.no_grad()
def right(model, sp, rows, size, step=12):
    """One boolean per row."""
    out = []
    for lo in range(0, len(rows), step):
        part = rows[lo:lo + step]
        vis = model.image_tokens(torch.stack([torch.from_numpy(picture(r[2], size)) for r in part]))
        asks = [prompt_ids(sp, prompt_text(r[3])) for r in part]
        wants = [sp.encode(r[4]) + [2] for r in part]
        at = asks[0].index(IMAGE)
        full = [a[:at] + a[at + 1:] + w for a, w in zip(asks, wants)]
        ids = torch.tensor([f + [0] * (max(map(len, full)) - len(f)) for f in full])
        e = model.embed(ids)
        said = model.lm_head(model.decode(torch.cat([e[:, :at], vis, e[:, at:]], 1))).argmax(-1)
        for i, (a, w) in enumerate(zip(asks, wants)):
            end = len(a) - 1 + vis.shape[1] - 1              # where the first answer token is foretold
            out.append(said[i, end:end + len(w)].tolist() == w)
    return out


def validate(state, rows, sizes=(128, 256, 384)):
    sp = spm.SentencePieceProcessor(model_file=TOK)
    model = Llava(base_config(sp.vocab_size(), True))
    model.load_state_dict({k.replace("_orig_mod.", ""): v.half().float() for k, v in state.items()})
    model.eval()
    hits = {s: right(model, sp, rows, s) for s in sizes}
    table = {}
    for s, h in hits.items():
        by = defaultdict(list)
        for (group, kind, *_), x in zip(rows, h):
            for k in (group, f"{group}:{kind}") + (("others",) if group != "text" else ()):
                by[k].append(x)
        table[s] = {k: round(100 * sum(v) / len(v), 1) for k, v in by.items()}
    return table, {k: len(v) for k, v in by.items()}, hits


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("states", nargs="+")
    ap.add_argument("--first", type=int, default=6_000_000)
    ap.add_argument("--scale", type=float, default=1.0)
    ap.add_argument("--out")
    a = ap.parse_args()
    torch.set_num_threads(int(os.environ.get("TINY_THREADS", "1")))
    rows = questions(a.first, a.scale)
    for f in a.states:
        table, n, hits = validate(torch.load(f), rows)
        print(f)
        for s, t in table.items():
            print(s, {k: v for k, v in t.items() if ":" not in k or k.startswith("text:")}, flush=True)
        if a.out:
            json.dump(dict(first=a.first, questions=n, accuracy=table, hits={s: [int(x) for x in h] for s, h in hits.items()}),
                      open(a.out, "w"))
