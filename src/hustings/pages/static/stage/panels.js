/** The parts of the speakers' page that show themselves: plan, rehearsal, what the audience says, one's own track. */

import { Agenda } from "./agenda.js";
import { PollDesk } from "./polls.js";
import { PushDesk } from "./push.js";
import { QuestionDesk } from "./questions.js";
import { Rehearsal } from "./rehearsal.js";
import { HouseRules } from "./rules.js";
import { Talkback } from "./talkback.js";
import { Track } from "./track.js";

/** @param {import("./desk.js").Do} perform  @param {import("./seat.js").Seat} seat  @returns {{show: (hall: import("./hall.js").Hall) => void}[]} */
export const panels = (perform, seat) => [
  new Agenda(perform),
  new QuestionDesk(perform),
  new PollDesk(perform),
  new PushDesk(perform, seat),
  new Rehearsal(perform),
  new HouseRules(seat),
  new Talkback(perform),
  new Track(perform),
];
