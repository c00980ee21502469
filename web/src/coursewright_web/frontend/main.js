// What every page loads. It comes last, when the page's own script has registered its components.
import Alpine from "@alpinejs/csp";
import shell from "./components/shell.js";
import { store as connection } from "./lib/connection.js";
import { register } from "./lib/components.js";
import { store as question } from "./lib/dialogs.js";
import { watch } from "./lib/progress.js";
import { store as session } from "./lib/session.js";
import { store as toasts } from "./lib/toasts.js";

register(shell);
Alpine.store("connection", connection);
Alpine.store("question", question);
Alpine.store("session", session);
Alpine.store("toasts", toasts);
Alpine.start();
if (document.documentElement.dataset.user) watch();
