/** For pages that need no other script: times in the reader's own zone. */

import { localTimes } from "./strings.js";

localTimes();
