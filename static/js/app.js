// The entry of every page. Pages work as plain forms and links first; this makes them quicker.
import "./bell.js";
import "./dialog.js";
import "./drafts.js";
import "./focus.js";
import "./keys.js";
import "./next_step.js";
import "./notes.js";
import "./requests.js";
