// Pictures in and out of the page.

const MOST = 24e6; // pixels that are worked with; what has more is made smaller

/** A picture's file: { bitmap, image }, upright as its camera was held, in sRGB. */
export async function readPicture(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    throw new Error("This is no picture that the browser can read");
  }
  const share = Math.min(1, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  if (share < 1) {
    const given = bitmap;
    bitmap = await createImageBitmap(given, { resizeWidth: Math.round(given.width * share), resizeHeight: Math.round(given.height * share), resizeQuality: "high" });
    given.close();
  }
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return { bitmap, image: context.getImageData(0, 0, bitmap.width, bitmap.height) };
}

const encoded = (canvas, kind, quality) => new Promise((resolve, reject) => {
  canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The picture could not be written"))), kind, quality);
});

export async function savePicture(canvas, name) {
  download(await encoded(canvas, "image/png"), `${name.replace(/\.[^.]+$/, "")}-painted.png`);
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export async function sharePicture(canvas) {
  const file = new File([await encoded(canvas, "image/jpeg", 0.92)], "painted.jpg", { type: "image/jpeg" });
  try {
    await navigator.share({ files: [file] });
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** The command line that paints the same picture on a desktop. */
export function commandLine(photo, { wanted, strength, strokes, size }) {
  const quoted = (text) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const styles = wanted.map(({ style, weight }) => {
    const name = style ?? "painting.jpg";
    return wanted.length > 1 ? `--style ${name}=${Number(weight.toFixed(2))}` : `--style ${name}`;
  });
  const parts = ["atelier stylize", quoted(photo?.name ?? "photo.jpg"), ...styles];
  if (strength !== 1) parts.push(`--strength ${strength}`);
  if (strokes !== 1) parts.push(`--style-size ${strokes.toFixed(3)}`);
  if (size && photo && Math.max(photo.width, photo.height) > size) parts.push(`--size ${size}`);
  return [...parts, "--out painted.png"].join(" ");
}
