"""For each stage of a photo: how to read its news and its content.

Its files:

- poller: the base of all pollers
- x: X and the streamer
- stacks: the stack and its resources
- objects: the objects of a bucket
- delivery: DeliveryStream and TwitterBucket
- functions: the two functions, by their logs; whose code the exercise's function has
- photos: RekognitionBucket and the reference photo
- comparisons: Rekognition
- table: PostsTable
- failures: FailureQueue
- mail: MatchTopic and the inbox
"""
