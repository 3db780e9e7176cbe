// Ways of pdf-lib and @libpdf/core from a document in one file to a stamped, or sealed, one in another.
// Reads a JSON object a line, {method, source, target}, and answers each with a line when the target is written.
// The first line gives what is loaded once: the key (PKCS#8) and the certificates, DER in base64.

import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { CryptoKeySigner, PDF } from "@libpdf/core";
import { PDFDocument } from "pdf-lib";

const STAMP = { x: 368, y: 24, width: 220, height: 84 };
const LETTER = [612, 792];

function draw(stamped, added) {
  const { x, y, width } = STAMP;
  stamped.drawLine({ start: { x: x + 6, y: y + 33 }, end: { x: x + width - 6, y: y + 33 }, thickness: 0.5 });
  stamped.drawText("Signed 23 November 2026", { x: x + 6, y: y + 13, size: 12 });
  for (let line = 0; line < 30; line++) {
    added.drawText(`Line ${line} of a certificate page`, { x: 54, y: 700 - 14 * line, size: 12 });
  }
}

async function pdfLib(content) {
  const document = await PDFDocument.load(content);
  draw(document.getPage(document.getPageCount() - 1), document.addPage(LETTER));
  return document.save();
}

async function libpdf(content, signer) {
  const document = await PDF.load(content);
  const stamped = document.getPage(document.getPageCount() - 1);
  draw(stamped, document.addPage({ width: LETTER[0], height: LETTER[1] }));
  const { bytes } = await document.sign({ signer, level: "B-B" });
  return bytes;
}

async function loaded({ key, certificates }) {
  const [leaf, ...issuers] = certificates.map((der) => Buffer.from(der, "base64"));
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const secret = await crypto.subtle.importKey("pkcs8", Buffer.from(key, "base64"), algorithm, false, ["sign"]);
  return new CryptoKeySigner(secret, leaf, "EC", "ECDSA", issuers);
}

const METHODS = { "pdf-lib": pdfLib, "@libpdf/core": libpdf };
let signer;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (signer === undefined) {
    signer = await loaded(asked);
  } else {
    const made = await METHODS[asked.method](await readFile(asked.source), signer);
    await writeFile(asked.target, made);
  }
  console.log("done");
}
