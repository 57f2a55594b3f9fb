/** Mean and standard deviation of CLIP's image processor (openai/clip-vit-large-patch14-336 preprocessor_config.json). */
export const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];
