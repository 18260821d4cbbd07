const read = id => JSON.parse(document.getElementById(id).textContent);
const drawn = new Map();
let glyphs = null;
let styles = null;

function address(key) {
  if (!drawn.has(key)) {
    glyphs ??= read("glyphs");
    styles ??= read("styles");
    const named = read(key).replace(/\^(\d+);/g, (_, number) => styles[number]);
    const svg = named.replace(/~([0-9a-f]+)@([\d.-]*)/g, (_, name, x) =>
      `<use xlink:href='#DejaVuSans-${name}'${x && ` transform='translate(${x} 0)'`}/>`);
    const names = new Set(Array.from(svg.matchAll(/href=["']#([^"']+)/g), found => found[1]));
    const type = [...names].filter(name => name in glyphs).map(name => glyphs[name]).join("");
    const whole = svg.replace(/<svg[^>]*[^/]>/, start => `${start}<defs>${type}</defs>`);
    drawn.set(key, URL.createObjectURL(new Blob([whole], {type: "image/svg+xml"})));
  }
  return drawn.get(key);
}

const show = image => { image.src = address(image.dataset.picture); };
const images = document.querySelectorAll("img[data-picture]");
const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (entry.isIntersecting) { seen.unobserve(entry.target); show(entry.target); }
  }
}, {rootMargin: "400px"});
images.forEach(image => seen.observe(image));
addEventListener("beforeprint", () => images.forEach(show));
