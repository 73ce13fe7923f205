"""What people see: templates, styles, scripts and their languages, rendered to bytes.

No business rules. All three services use it the same way: `render.render(...)` for a page,
`render.page_headers(...)` for its headers, `assets.asset(path)` for everything under /static/.
"""
