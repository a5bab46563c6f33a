// The topology of the pipeline: its stages, the arrows between them, and the way of a photo.

/**
 * The stages, in the order of the flow.
 *
 * column, row: their place in the diagram, from 1
 * kind: the color: outside of the stack, compute, storage, or messages
 * noun: what is counted there
 */
export const STAGES = [
  {
    id: "X",
    title: "X (Twitter)",
    subtitle: "posts with photos",
    column: 1,
    row: 1,
    kind: "outside",
    noun: "posts",
  },
  {
    id: "StreamingInstance",
    title: "StreamingInstance",
    subtitle: "EC2: twitter_streaming.py",
    column: 2,
    row: 1,
    kind: "compute",
    noun: "posts",
  },
  {
    id: "DeliveryStream",
    title: "DeliveryStream",
    subtitle: "Amazon Data Firehose",
    column: 3,
    row: 1,
    kind: "messages",
    noun: "lines",
  },
  {
    id: "TwitterBucket",
    title: "TwitterBucket",
    subtitle: "S3: metadata of posts",
    column: 3,
    row: 2,
    kind: "storage",
    noun: "objects",
  },
  {
    id: "TwitterLambdaFunction",
    title: "TwitterLambdaFunction",
    subtitle: "downloads the photos",
    column: 2,
    row: 2,
    kind: "compute",
    noun: "runs",
  },
  {
    id: "You",
    title: "You",
    subtitle: "upload the reference",
    column: 1,
    row: 2,
    kind: "outside",
    noun: "uploads",
  },
  {
    id: "RekognitionBucket",
    title: "RekognitionBucket",
    subtitle: "S3: images/, reference",
    column: 1,
    row: 3,
    kind: "storage",
    noun: "photos",
  },
  {
    id: "PostsTable",
    title: "PostsTable",
    subtitle: "DynamoDB: metadata",
    column: 2,
    row: 3,
    kind: "storage",
    noun: "items",
  },
  {
    id: "FailureQueue",
    title: "FailureQueue",
    subtitle: "SQS: failed events",
    column: 3,
    row: 3,
    kind: "messages",
    noun: "failed events",
  },
  {
    id: "Rekognition",
    title: "Amazon Rekognition",
    subtitle: "CompareFaces",
    column: 1,
    row: 4,
    kind: "outside",
    noun: "calls",
  },
  {
    id: "RekognitionLambdaFunction",
    title: "RekognitionLambdaFunction",
    subtitle: "compares faces: your exercise",
    column: 2,
    row: 4,
    kind: "compute",
    noun: "runs",
  },
  {
    id: "MatchTopic",
    title: "MatchTopic",
    subtitle: "Amazon SNS",
    column: 3,
    row: 4,
    kind: "messages",
    noun: "notifications",
  },
  {
    id: "Inbox",
    title: "Your inbox",
    subtitle: "possible match",
    column: 3,
    row: 5,
    kind: "outside",
    noun: "mails",
  },
];

/**
 * The arrows. Each leaves its stage in the direction of the other one.
 *
 * lane: where on the sides of the boxes it leaves and enters, as a share of their length; 0 is the
 *   middle, -0.5 the left or upper end, 0.5 the right or lower end
 * endLane: where it enters, if that is in another lane
 * failure: whether it is for failures: it is dashed
 */
export const ARROWS = [
  { from: "X", to: "StreamingInstance", label: "stream" },
  { from: "StreamingInstance", to: "DeliveryStream", label: "lines" },
  { from: "DeliveryStream", to: "TwitterBucket", label: "objects" },
  { from: "TwitterBucket", to: "TwitterLambdaFunction", label: "event" },
  { from: "You", to: "RekognitionBucket", label: "reference", lane: -0.23 },
  {
    from: "TwitterLambdaFunction",
    to: "RekognitionBucket",
    label: "photos",
    lane: -0.37,
    endLane: 0.28,
  },
  { from: "TwitterLambdaFunction", to: "PostsTable", label: "metadata", lane: -0.07 },
  {
    from: "TwitterLambdaFunction",
    to: "FailureQueue",
    label: "failures",
    lane: 0.41,
    endLane: 0,
    failure: true,
  },
  {
    from: "RekognitionBucket",
    to: "RekognitionLambdaFunction",
    label: "event",
    lane: 0,
    endLane: -0.37,
  },
  { from: "RekognitionLambdaFunction", to: "Rekognition", label: "photos", lane: -0.19 },
  { from: "Rekognition", to: "RekognitionLambdaFunction", label: "answer", lane: 0.29 },
  { from: "PostsTable", to: "RekognitionLambdaFunction", label: "lookup", lane: -0.07 },
  {
    from: "RekognitionLambdaFunction",
    to: "FailureQueue",
    label: "failures",
    lane: 0.41,
    endLane: 0,
    failure: true,
  },
  { from: "RekognitionLambdaFunction", to: "MatchTopic", label: "match" },
  { from: "MatchTopic", to: "Inbox", label: "e-mail" },
];

/** The milestones of a photo, each with the stages through which it comes there. */
export const WAYS = {
  streamed: ["X", "StreamingInstance"],
  delivered: ["StreamingInstance", "DeliveryStream", "TwitterBucket"],
  stored: ["TwitterBucket", "TwitterLambdaFunction", "RekognitionBucket"],
  arrived: ["RekognitionBucket", "RekognitionLambdaFunction"],
  compared: ["RekognitionLambdaFunction", "Rekognition", "RekognitionLambdaFunction"],
  mailed: ["RekognitionLambdaFunction", "MatchTopic", "Inbox"],
};
export const MILESTONES = Object.keys(WAYS);

const byId = new Map(STAGES.map((stage) => [stage.id, stage]));
export const stageOf = (id) => byId.get(id);

/** The arrows along which a photo comes to a milestone. */
export function arrowsTo(milestone) {
  const way = WAYS[milestone];
  return way
    .slice(1)
    .map((to, index) => ARROWS.find((arrow) => arrow.from === way[index] && arrow.to === to));
}
