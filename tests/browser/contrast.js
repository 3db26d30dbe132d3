// Words of ours that hardly stand out from what is behind them, each with its contrast by WCAG 2.
document.getAnimations().forEach((one) => one.finish()); // colours that fade in are there at once

const canvas = document.createElement("canvas");
canvas.width = canvas.height = 1;
const pen = canvas.getContext("2d", { willReadFrequently: true });

const painted = (colors) => {
  for (const color of colors) {
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
  }
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
};

const behind = (element) => {
  const grounds = [];
  for (let one = element; one; one = one.parentElement) {
    grounds.unshift(getComputedStyle(one).backgroundColor);
  }
  return ["white", ...grounds];
};

const light = (pixel) => {
  const [red, green, blue] = pixel.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const known = new Map(); // rows are alike, and painting takes long

const contrast = (element) => {
  const grounds = behind(element);
  const all = [...grounds, getComputedStyle(element).color];
  const key = all.join();
  if (!known.has(key)) {
    const below = light(painted(grounds));
    const above = light(painted(all));
    known.set(key, (Math.max(above, below) + 0.05) / (Math.min(above, below) + 0.05));
  }
  return known.get(key);
};

const says = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const ours = [...document.querySelectorAll("[class*=ardiq-], [class*=ardiq-] *")];
return ours
  .filter((element) => element.tagName !== "BODY" && element.closest("#content, #content-main"))
  .filter((element) => !(element instanceof SVGElement) && says(element) && element.offsetParent !== null)
  .map((element) => [element.className || element.tagName, element.innerText.slice(0, 30), contrast(element).toFixed(2)])
  .filter(([, , number]) => number < 4.5);
