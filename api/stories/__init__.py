"""What pages and JSON routes both do, once: read, write, start or signal.

Each function is one thing that somebody does. It takes the caller, whom the route's row of the policy has let in
(`api.access`), looks at what they ask for with their eyes, and leaves the state of a request to the workflow.

`charts`: find and open a chart, upload, read and download its documents. `restricting`: who opens a chart at all.
`appointments`: the Calendar. `sharing`: Share, Share to Sign, invite; `bulk`: many at once. `requests`: look at a
request and steer it. `access`: end somebody's portal access, keep a document from them. `disclosing`: consents of
42 CFR Part 2, and what went to whom. `auditing`: the practice's log. `settings`, `roster`, `keys`: the practice, its
staff, its programs. `portal`: the client's side; `signing`: a signature of either side. `accounts`, `reset`: one's own
account. `verifying`: anybody who holds a file.
"""
