"""Operations on a running installation: dead letters, skip orders and inspection."""
