import { UserError } from '../../shared/errors.js';
import { type ConfigBlock, keyName, readBlock, readText } from './config-file.js';
import type { Weights } from './open-weights.js';

const LORA = /\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)\b/;
const QUANTISED =
  /\.(qweight|qzeros|scales|g_idx|SCB|weight_packed|weight_scale|weight\.(absmax|quant_map|quant_state\..*))$/;

/**
 * Refuses weights that are not those of a plain model.
 * @throws UserError for LoRA tensors beside the base weights and for quantised weights, with what to do
 */
export function refuseUnmerged(root: string, config: ConfigBlock, weights: Weights): void {
  const names = [...weights.tensors.keys()];
  const lora = names.filter((name) => LORA.test(name) || name.includes('.base_layer.'));
  if (lora.length > 0) {
    throw new UserError(
      `${weights.tensors.get(lora[0]!)!.file} holds ${lora.length} tensors of a LoRA adapter that was not merged into the weights, such as ` +
        `${lora[0]}. Save the merged model: call model = model.merge_and_unload() (PEFT) before model.save_pretrained(folder). ` +
        'If the adapter also exists as a folder of its own (adapter_config.json, adapter_model), give that folder with ' +
        '--base <base model>, and it is merged here.',
    );
  }
  const block = readBlock(config, 'quantization_config') ?? quantisationOfText(config);
  const method = block && readText(block, 'quant_method');
  const quantised = names.find((name) => QUANTISED.test(name));
  // bitsandbytes quantises on loading, so weights with such a config may be plain ones.
  if (quantised === undefined && (method === undefined || method === 'bitsandbytes')) return;
  const kind = method
    ? `${keyName(block!, 'quant_method')} is ${JSON.stringify(method)}`
    : `${root} holds ${quantised}`;
  throw new UserError(
    `${kind}: the weights are quantised (AWQ, GPTQ, bitsandbytes and the like), which is not read. Use the original ` +
      'checkpoint that they were made from; --precision int4 or int8 makes it as small.',
  );
}

function quantisationOfText(config: ConfigBlock): ConfigBlock | undefined {
  const text = readBlock(config, 'text_config');
  return text && readBlock(text, 'quantization_config');
}
