// The entry of every page. Pages work as plain forms and links first; this makes them quicker.
import "./dialog.js";
import "./drafts.js";
import "./focus.js";
import "./keys.js";
import "./notes.js";
import "./requests.js";
