// room Models
