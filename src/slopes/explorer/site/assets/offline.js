// The book as one file: each plate moves through frames made beforehand, packed as what differs from the first of them.

const packed = Uint8Array.from(atob(document.getElementById("frames").textContent), (c) => c.charCodeAt(0));
const opened = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();

for (const plate of document.querySelectorAll(".frames")) {
  const slider = plate.querySelector("input");
  const show = async () => {
    const { frames } = (await opened)[plate.dataset.plate];
    const { reading, value, charts } = frames[slider.value];
    plate.querySelectorAll("figure > div").forEach((holder, i) => {
      const tags = [...frames[0].charts[i]];
      const changes = slider.value === "0" ? [] : charts[i];
      for (const [place, gone, tag] of changes) tags.splice(place, gone, ...tag);
      holder.innerHTML = tags.join("");
    });
    plate.querySelector(".reading").textContent = reading;
    for (const output of plate.querySelectorAll("output")) output.textContent = value;
    slider.setAttribute("aria-valuetext", value);
  };
  slider.addEventListener("input", show);
  show();
}

// A phrase that sets a plate takes it to the frame that is nearest.
for (const phrase of document.querySelectorAll("[data-set]")) {
  phrase.addEventListener("click", async (event) => {
    event.preventDefault();
    const plate = phrase.closest(".spread-page").querySelector(".frames");
    const slider = plate.querySelector("input");
    const { control, frames } = (await opened)[plate.dataset.plate];
    const wanted = new URLSearchParams(phrase.dataset.set).get(control);
    if (wanted === null) return;
    const off = frames.map(({ at }) => (typeof at === "number" ? Math.abs(at - wanted) : at !== wanted));
    slider.value = off.indexOf(off.reduce((least, far) => (far < least ? far : least)));
    slider.dispatchEvent(new Event("input"));
  });
}
