"""`/api/v1`: what programs may ask and do, described by OpenAPI.

One module for each noun, with its routes and its answers. They call the services that the pages
call, and know no rules of their own. `told` says what a call may answer; `caller` who calls.
"""
