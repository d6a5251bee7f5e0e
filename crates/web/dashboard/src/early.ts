// Sends the first call before the rest of the page is made ready: imported first, since what comes after it (numbers and
// dates of the browser's language above all) takes longer than the call.

import { askEarly } from "./host/listing.ts";
import { followAddress } from "./route.ts";

followAddress();
askEarly();
