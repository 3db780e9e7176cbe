"""What pages and JSON routes both do, once: check who may, read, start or signal.

Each function is one thing that somebody does. It takes the caller, asks the policy or the ownership first,
and leaves the state of a request to the workflow.

`charts`: find and open a chart, upload, read and download its documents. `restricting`: who opens a chart at all.
`sharing`: Share, Share to Sign, invite. `requests`: look at a request and steer it. `disclosing`: consents of
42 CFR Part 2, and what went to whom. `auditing`: the practice's log. `portal`: the client's side. `verifying`: anybody
who holds a file.
"""
