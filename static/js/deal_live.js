// Who else looks at this deal.
import { Stream } from "./live.js";

const viewers = document.getElementById("viewers");

function receive(_name, { text }) {
  viewers.querySelector("span").textContent = text;
  viewers.hidden = !text;
}

if (viewers) new Stream(viewers.dataset.address, ["viewers"], receive);
