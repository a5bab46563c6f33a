"""The hops of a photo: for each, how to look at what is new, and what is in it.

Its files:

- look: what all looks at a hop have in common
- x: X and the streamer
- stacks: the stack and its resources
- objects: the objects of a bucket
- delivery: DeliveryStream and TwitterBucket
- functions: the two functions, by their logs
- exercise: whose code the exercise's function has
- photos: RekognitionBucket and the reference photo
- comparisons: Rekognition
- table: PostsTable
- failures: FailureQueue
- mail: MatchTopic and the inbox
"""
