/** The CommonJS build: the ESM build uses import attributes, which need Node.js 20.10. */
// biome-ignore lint/style/noRestrictedImports: the only place that may import it
import sharp = require('sharp');

export default sharp;
