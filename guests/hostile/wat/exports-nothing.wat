;; Is of no world.
(component)
