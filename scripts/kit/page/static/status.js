// What became of a photo, in words.

import { percent } from "./dom.js";
import { MILESTONES } from "./topology.js";

/** What became of a photo: how far it is (0 to 6), a sentence, and whether it is finished. */
export function photoStatus(photo, post) {
  const reached = MILESTONES.reduce(
    (far, milestone, index) => (photo[milestone] ? index + 1 : far),
    0,
  );
  const similar = photo.similarity === null ? "" : `, ${percent(photo.similarity)} similar`;
  const isMatch = photo.outcome === "match" || photo.faces?.matched.length > 0;
  const say = (text, rest = {}) => ({ reached, text, ...rest });
  if (photo.type !== "photo") return say("A video: the streamer takes photos only.");
  if (photo.mailed)
    return say(`Match${similar}. The e-mail is sent.`, { done: true, kind: "match" });
  if (photo.compared && isMatch) return say(`Match${similar}.`, { done: true, kind: "match" });
  if (photo.compared && photo.refused)
    return say(`No match: ${photo.refused}`, { done: true, kind: "other" });
  if (photo.compared)
    return say(`No match: another person${similar}.`, { done: true, kind: "other" });
  if (photo.outcome) return say(`Outcome: ${photo.outcome}${similar}.`, { done: true });
  if (photo.problem)
    return say(`At TwitterLambdaFunction: ${photo.problem}`, { done: true, kind: "bad" });
  if (photo.old && photo.streamed)
    return say("Its way ended when the stack was deleted.", { done: true });
  if (photo.arrived) return say("Arrived at the last function, and not compared.");
  if (photo.stored && photo.failed)
    return say(`Stored. RekognitionLambdaFunction failed: ${photo.failed}`, {
      kind: "bad",
      done: true,
    });
  if (photo.stored) return say("Stored in RekognitionBucket, below images/.");
  if (photo.delivered)
    return say("Its metadata is in TwitterBucket; TwitterLambdaFunction is next.");
  if (photo.streamed) return say("On its way through the streamer and Firehose.");
  if (!post.streamed)
    return say("It stays on X: the streamer was not connected when it was posted.");
  return say("On X.");
}
