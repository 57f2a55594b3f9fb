"""One image and one question in PyTorch, timed on demand: the baseline of bench/pytorch.ts.

Reads a JSON line with the architecture, the prompt lengths and a dtype (float32 without it), builds the model of sample/make/tinymodel.py at those
dimensions (scaled_dot_product_attention throughout), prints "ready", then for every line it reads runs once and prints
the milliseconds of the vision part and of the whole.
"""
import json
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "sample", "make"))
import tinymodel as tiny  # noqa: E402

spec = json.loads(sys.stdin.readline())
torch.set_num_threads(spec["threads"])
a = spec["architecture"]
clip, conv, lm = a["clip"], a["convnext"], a["language"]
config = tiny.base_config(lm["vocabSize"], True)
config.update(
    hidden_size=lm["hiddenSize"], intermediate_size=lm["intermediateSize"], num_hidden_layers=lm["layers"],
    num_attention_heads=lm["heads"], max_position_embeddings=lm["maxPositions"], mm_hidden_size=a["projector"]["inputSize"],
    vision_config=dict(tiny.CLIP, hidden_size=clip["hiddenSize"], num_hidden_layers=clip["layers"], num_attention_heads=clip["heads"],
                       intermediate_size=clip["intermediateSize"], image_size=clip["imageSize"]),
    slow_vision_config=dict(tiny.CONV, depths=conv["depths"], dims=conv["dims"]))

torch.set_default_dtype(getattr(torch, spec.get("dtype", "float32")))
for layer in (torch.nn.Linear, torch.nn.Embedding, torch.nn.modules.conv._ConvNd):
    layer.reset_parameters = lambda self: None  # seven billion parameters are filled faster below

with torch.no_grad():
    model = tiny.Llava(config).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.uniform_(-0.02, 0.02)
    pixels = torch.rand(1, 3, spec["resolution"], spec["resolution"])
    before, after = torch.arange(spec["tokensBefore"]) + 3, torch.arange(spec["tokensAfter"]) + 3
    ids = torch.cat([before, after])
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        features = model.image_tokens(pixels)
        seen = time.perf_counter()
        model.generate(features[0], ids, spec["tokensBefore"], limit=spec["newTokens"], eos=-1)
        end = time.perf_counter()
        print(json.dumps({"visionMs": 1000 * (seen - start), "totalMs": 1000 * (end - start)}), flush=True)
