// The picture of the pipeline: its stages, its arrows, and the way of a photo.

// name, what it is, column, row, color, what is counted; in the order of the flow
export const STAGES = [
  ["X", "X (Twitter)", "posts with photos", 1, 1, "outside", "posts"],
  ["StreamingInstance", "StreamingInstance", "EC2: twitter_streaming.py", 2, 1, "compute", "posts"],
  ["DeliveryStream", "DeliveryStream", "Amazon Data Firehose", 3, 1, "messages", "lines"],
  ["TwitterBucket", "TwitterBucket", "S3: metadata of posts", 3, 2, "storage", "objects"],
  [
    "TwitterLambdaFunction",
    "TwitterLambdaFunction",
    "downloads the photos",
    2,
    2,
    "compute",
    "runs",
  ],
  ["You", "You", "upload the reference", 1, 2, "outside", "uploads"],
  ["RekognitionBucket", "RekognitionBucket", "S3: images/, reference", 1, 3, "storage", "photos"],
  ["PostsTable", "PostsTable", "DynamoDB: metadata", 2, 3, "storage", "items"],
  ["FailureQueue", "FailureQueue", "SQS: failed events", 3, 3, "messages", "failed events"],
  ["Rekognition", "Amazon Rekognition", "CompareFaces", 1, 4, "outside", "calls"],
  [
    "RekognitionLambdaFunction",
    "RekognitionLambdaFunction",
    "compares faces: your exercise",
    2,
    4,
    "compute",
    "runs",
  ],
  ["MatchTopic", "MatchTopic", "Amazon SNS", 3, 4, "messages", "notifications"],
  ["Inbox", "Your inbox", "possible match", 3, 5, "outside", "mails"],
];
// from, side, shift, to, side, shift, text, dashed
export const ARROWS = [
  ["X", "right", 0, "StreamingInstance", "left", 0, "stream"],
  ["StreamingInstance", "right", 0, "DeliveryStream", "left", 0, "lines"],
  ["DeliveryStream", "bottom", 0, "TwitterBucket", "top", 0, "objects"],
  ["TwitterBucket", "left", 0, "TwitterLambdaFunction", "right", 0, "event"],
  ["You", "bottom", -100, "RekognitionBucket", "top", -100, "reference"],
  ["TwitterLambdaFunction", "bottom", -160, "RekognitionBucket", "top", 120, "photos"],
  ["TwitterLambdaFunction", "bottom", -30, "PostsTable", "top", -30, "metadata"],
  ["TwitterLambdaFunction", "bottom", 180, "FailureQueue", "top", 0, "failures", true],
  ["RekognitionBucket", "bottom", 0, "RekognitionLambdaFunction", "top", -160, "event"],
  ["RekognitionLambdaFunction", "left", -24, "Rekognition", "right", -24, "photos"],
  ["Rekognition", "right", 36, "RekognitionLambdaFunction", "left", 36, "99 %"],
  ["PostsTable", "bottom", -30, "RekognitionLambdaFunction", "top", -30, "lookup"],
  ["RekognitionLambdaFunction", "top", 180, "FailureQueue", "bottom", 0, "failures", true],
  ["RekognitionLambdaFunction", "right", 0, "MatchTopic", "left", 0, "match"],
  ["MatchTopic", "bottom", 0, "Inbox", "top", 0, "e-mail"],
];
// The arrows along which a photo comes to a stage.
export const WAYS = {
  streamed: ["X>StreamingInstance"],
  delivered: ["StreamingInstance>DeliveryStream", "DeliveryStream>TwitterBucket"],
  stored: ["TwitterBucket>TwitterLambdaFunction", "TwitterLambdaFunction>RekognitionBucket"],
  arrived: ["RekognitionBucket>RekognitionLambdaFunction"],
  compared: ["RekognitionLambdaFunction>Rekognition", "Rekognition>RekognitionLambdaFunction"],
  mailed: ["RekognitionLambdaFunction>MatchTopic", "MatchTopic>Inbox"],
};
export const MILESTONES = Object.keys(WAYS);
export const BOX_WIDTH = 436; // the shifts above belong to boxes of this width

export const stageElement = (id) => document.querySelector(`[data-stage="${id}"]`);
export const nounOf = Object.fromEntries(STAGES.map(([id, , , , , , noun]) => [id, noun]));
