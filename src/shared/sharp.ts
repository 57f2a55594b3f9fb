/** The CommonJS edition: that of ES modules imports JSON with an attribute, which Node.js knows from 20.10 on. */
// biome-ignore lint/style/noRestrictedImports: the one place
import sharp = require('sharp');

export default sharp;
