import { join, relative } from 'node:path';
import { modelHash, openModel, portableName } from '../../src/model/model-folder.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { fixture } from '../../test/fixtures.js';
import { linkedFolder } from '../linked-folder.js';
import { mutateJson } from '../mutate-json.js';
import type { FuzzTarget } from '../target.js';
import { manifest } from './sample-manifest.js';

const TEXT = JSON.stringify(manifest);

export const target: FuzzTarget = {
  async run(folder, random) {
    const damaged = mutateJson(TEXT, random);
    await linkedFolder(fixture('reference', 'hr-mini'), folder, 'model.json', damaged);
    const model = await openModel(folder, random.pick([undefined, 64, 128]));
    modelHash(model.manifest);
    await loadTokenizer(model.folder);
    const files = [
      ...model.manifest.resolutions.map(({ graph }) => graph),
      ...model.manifest.weights.map(({ name }) => name),
    ];
    for (const name of [...files, portableName(model.vision.graph)]) {
      if (relative(folder, join(folder, name)) !== name || name.startsWith('..')) {
        throw new Error(`model.json was accepted with the file name ${JSON.stringify(name)}`);
      }
    }
  },
};
