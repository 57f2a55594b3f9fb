import assert from 'node:assert/strict';
import test from 'node:test';
import { readStateDict } from '../../../src/model/checkpoint/torch-pickle.js';
import { UserError } from '../../../src/shared/errors.js';
import { dictPickle, op, stateDictPickle, tensorOps } from './craft-torch.js';

const WEIGHT = { name: 'w', shape: [2, 3], stride: [3, 1], offset: 4, storage: 'HalfStorage', key: '7', count: 10 };

test('reads a tensor', () => {
  assert.deepEqual(
    readStateDict(stateDictPickle([WEIGHT]), 'a.bin'),
    new Map([
      [
        'w',
        {
          kind: 'tensor',
          dtype: 'F16',
          itemSize: 2,
          storageKey: '7',
          storageBytes: 20,
          offset: 4,
          shape: [2, 3],
          stride: [3, 1],
        },
      ],
    ]),
  );
});

test('reads parameters, ordered dicts with metadata, memos and long integers', () => {
  const parameter = Buffer.concat([
    op.global('torch._utils', '_rebuild_parameter'),
    op.tupleOf(Buffer.concat([tensorOps(WEIGHT), op.put(200)]), op.false, op.emptyDict),
    op.reduce,
  ]);
  const pickle = Buffer.concat([
    op.proto,
    op.global('collections', 'OrderedDict'),
    op.emptyTuple,
    op.reduce,
    op.mark,
    ...[op.string('p'), parameter, op.string('again'), op.get(200), op.string('epoch'), op.long(0xff, 0xff)],
    op.setItems,
    ...[op.emptyDict, op.mark, op.string('_metadata'), op.emptyDict, op.setItems, Buffer.from('b')], // BUILD
    op.stop,
  ]);
  const tensors = readStateDict(pickle, 'a.bin');
  assert.deepEqual([...tensors.keys()], ['p', 'again']);
  assert.equal(tensors.get('p'), tensors.get('again'));
});

test('reads a tensor with its own dtype from an untyped storage', () => {
  const id = op.tupleOf(
    ...[
      op.string('storage'),
      op.global('torch.storage', 'UntypedStorage'),
      op.string('0'),
      op.string('cpu'),
      op.int(6),
    ],
  );
  const args = op.tupleOf(
    ...[Buffer.concat([id, op.persistentId]), op.int(1), op.tupleOf(op.int(2)), op.tupleOf(op.int(1))],
    ...[op.false, op.emptyDict, op.global('torch', 'bfloat16')],
  );
  const pickle = dictPickle([['x', Buffer.concat([op.global('torch._utils', '_rebuild_tensor_v3'), args, op.reduce])]]);
  const tensor = readStateDict(pickle, 'a.bin').get('x')!;
  assert.deepEqual([tensor.dtype, tensor.itemSize, tensor.storageBytes], ['BF16', 2, 6]);
});

/** A value in the dict, and what the message must say. */
const refused: Record<string, { value: Buffer; says: RegExp }> = {
  'os.system': {
    value: Buffer.concat([op.global('os', 'system'), op.tupleOf(op.string('touch /tmp/pwned')), op.reduce]),
    says: /the global "os.system", which is not allowed/,
  },
  'builtins.eval': {
    value: Buffer.concat([op.global('builtins', 'eval'), op.tupleOf(op.string('1')), op.reduce]),
    says: /the global "builtins.eval"/,
  },
  'a global of the prototype': { value: op.global('torch', 'constructor'), says: /the global "torch.constructor"/ },
  'torch.load': { value: op.global('torch', 'load'), says: /the global "torch.load"/ },
  'a class without its module': { value: op.global('', 'OrderedDict'), says: /the global ".OrderedDict"/ },
  STACK_GLOBAL: { value: Buffer.of(0x93), says: /the STACK_GLOBAL opcode \(0x93\) at byte \d+, which is not allowed/ },
  INST: { value: Buffer.from('(ios\nsystem\n'), says: /the INST opcode \(0x69\)/ },
  NEWOBJ: { value: Buffer.of(0x81), says: /the NEWOBJ opcode \(0x81\)/ },
  'an opcode that does not exist': { value: Buffer.of(0xfe), says: /the unknown opcode \(0xfe\)/ },
  'a call of a tuple': {
    value: Buffer.concat([op.emptyTuple, op.emptyTuple, op.reduce]),
    says: /calls something that is not a function/,
  },
  'a call of a storage type': {
    value: Buffer.concat([op.global('torch', 'HalfStorage'), op.emptyTuple, op.reduce]),
    says: /calls something that is not a function/,
  },
  'a persistent id of the wrong kind': {
    value: Buffer.concat([op.tupleOf(op.string('module')), op.persistentId]),
    says: /a persistent id is not a storage/,
  },
  'attributes of a tuple': {
    value: Buffer.concat([op.emptyTuple, op.emptyDict, Buffer.from('b')]),
    says: /sets attributes on something other than a dict/,
  },
  'an unset memo entry': { value: op.get(3), says: /reads an unset memo entry/ },
  'a string longer than the file': {
    value: Buffer.from([0x58, 0xff, 0xff, 0xff, 0xff]),
    says: /ends in the middle of an opcode/,
  },
  'a string that is not UTF-8': { value: Buffer.from([0x58, 1, 0, 0, 0, 0xff]), says: /not UTF-8/ },
  'an integer of 64 bits': { value: op.long(0, 0, 0, 0, 0, 0, 0, 0x7f), says: /more than 53 bits/ },
  'a negative size': { value: tensorOps({ ...WEIGHT, shape: [-2, 3] }), says: /invalid offset, shape or stride/ },
  'a tensor of nine axes': {
    value: tensorOps({ ...WEIGHT, shape: Array(9).fill(1), stride: Array(9).fill(1) }),
    says: /invalid offset, shape or stride/,
  },
  'more axes than strides': {
    value: tensorOps({ ...WEIGHT, stride: [1] }),
    says: /invalid offset, shape or stride/,
  },
};

for (const [what, { value, says }] of Object.entries(refused)) {
  test(`refuses ${what}`, () => {
    const pickle = dictPickle([
      ['w', tensorOps(WEIGHT)],
      ['bad', value],
    ]);
    assert.throws(
      () => readStateDict(pickle, 'a.bin'),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, says);
        assert.match(error.message, /^a\.bin: .*safetensors/);
        return true;
      },
    );
  });
}

test('refuses a pickle truncated at any byte', () => {
  const whole = stateDictPickle([WEIGHT]);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readStateDict(whole.subarray(0, length), 'a.bin'), UserError, `${length} bytes`);
  }
});

test('refuses anything but a dict of tensors', () => {
  assert.throws(() => readStateDict(Buffer.concat([op.proto, op.int(1), op.stop]), 'a.bin'), /does not contain a dict/);
  assert.throws(() => readStateDict(Buffer.from('.'), 'a.bin'), /stack is empty/);
  assert.throws(() => readStateDict(dictPickle([['state_dict', op.emptyDict]]), 'a.bin'), /contains no tensors/);
  assert.throws(() => readStateDict(Buffer.from('}K\x01s.', 'latin1'), 'a.bin'), UserError); // a key without a value
});

test('deep nesting needs little memory and no call stack', () => {
  const million = 1_000_000;
  const nested = Buffer.concat([
    op.emptyTuple,
    Buffer.alloc(million, 0x85), // TUPLE1 around TUPLE1
  ]);
  const pickle = dictPickle([
    ['deep', nested],
    ['w', tensorOps(WEIGHT)],
  ]);
  assert.equal(readStateDict(pickle, 'a.bin').size, 1);
  for (const flood of ['(', '}', ')', '\x88']) {
    assert.throws(
      () => readStateDict(Buffer.alloc(million, flood, 'latin1'), 'a.bin'),
      /ends in the middle of an opcode/,
    );
  }
});
